package portal

import (
	"fmt"
	"net/http"
	"slices"

	"souk/api"
)

func (p *Portal) maturityRoutes() []Route {
	return []Route{{"GET /evidence/{result}", Anybody, p.evidence}}
}

// evidence is what a conformance run found, with what it did.
func (p *Portal) evidence(w http.ResponseWriter, r *http.Request, v *visit) error {
	result, err := v.client.Conformance(r.Context(), r.PathValue("result"))
	if err != nil {
		return err
	}
	return show(w, r, v, evidencePage(v, result.Result))
}

// proofClass is how a state of proof looks.
func proofClass(state string) string {
	switch state {
	case api.ProofPassed:
		return "good"
	case api.ProofFailed:
		return "bad"
	}
	return "off"
}

// evidenceOf are the results that an iteration rests on, each once.
func evidenceOf(it api.MaturityIteration) []string {
	var ids []string
	for _, p := range it.Proofs {
		if p.Result != "" && !slices.Contains(ids, p.Result) {
			ids = append(ids, p.Result)
		}
	}
	return ids
}

// lacking are the capabilities for which an iteration is not passed.
func (v *visit) lacking(it api.MaturityIteration) []string {
	var out []string
	for _, p := range it.Proofs {
		if p.State != api.ProofPassed {
			out = append(out, v.Or("capability."+p.Capability, p.Capability)+": "+v.T("maturity."+p.State))
		}
	}
	return out
}

func secondsText(s float64) string { return fmt.Sprintf("%.1f s", s) }
