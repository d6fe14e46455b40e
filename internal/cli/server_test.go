package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/api"
)

// The moment at which all tests take place, by both clocks.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const token = "acme-token"

// request is one request as the server saw it.
type request struct {
	method, path, query, key, lastID, token, contentType string
	body                                                 string
}

// server is a small control plane in memory: it keeps instances, moves them
// along while they are watched, and can be told to fail.
type server struct {
	*httptest.Server
	t         *testing.T
	mu        sync.Mutex
	requests  []request
	faults    []http.HandlerFunc // for the next changing requests
	replies   map[string]any     // "METHOD /path" → document
	instances map[string]*api.Instance
	prices    int
	// life is what a watched instance goes through, one state a step.
	life []func(*api.Instance)
	// cut breaks the stream after this many events, once.
	cut int
}

func newServer(t *testing.T) *server {
	s := &server{t: t, replies: map[string]any{}, instances: map[string]*api.Instance{}, prices: 3}
	s.life = []func(*api.Instance){provisioning, ready}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	s.replies["GET /services"] = api.List[api.Service]{Items: []api.Service{postgresql()}}
	s.replies["GET /services/postgresql"] = postgresql()
	return s
}

// then sets what the next watched instance goes through.
func (s *server) then(life ...func(*api.Instance)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life = life
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	key := r.Header.Get("Idempotency-Key")
	s.requests = append(s.requests, request{
		r.Method, path, r.URL.RawQuery, key, r.Header.Get("Last-Event-ID"),
		strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), r.Header.Get("Content-Type"), string(body),
	})
	if key != "" && len(s.faults) > 0 {
		fault := s.faults[0]
		s.faults = s.faults[1:]
		fault(w, r)
		return
	}
	if reply, ok := s.replies[r.Method+" "+path]; ok {
		if handler, ok := reply.(http.HandlerFunc); ok {
			handler(w, r)
			return
		}
		answer(w, 200, reply)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+token {
		refuse(w, 401, "You are not signed in.")
		return
	}
	if rest, ok := strings.CutPrefix(path, "/organizations/acme/projects/default/instances"); ok {
		s.serveInstances(w, r, strings.Split(strings.TrimPrefix(rest, "/"), "/"), body)
		return
	}
	refuse(w, 404, "There is nothing at "+path+" here.")
}

func (s *server) serveInstances(w http.ResponseWriter, r *http.Request, path []string, body []byte) {
	name := path[0]
	instance := s.instances[name]
	dry := r.URL.Query().Get("dryRun") == "true"
	switch {
	case name == "" && r.Method == "GET" && r.URL.Query().Get("watch") == "true":
		s.watch(w, r, s.all()...)
	case name == "" && r.Method == "GET":
		list := api.List[api.Instance]{Items: []api.Instance{}}
		for _, i := range s.all() {
			list.Items = append(list.Items, *i)
		}
		answer(w, 200, list)
	case name == "" && r.Method == "POST":
		var order api.InstanceOrder
		s.decode(body, &order)
		s.order(w, order, dry)
	case r.Method == "PUT":
		var put api.InstancePut
		s.decode(body, &put)
		order := api.InstanceOrder{Spec: put.Spec, AcceptedPriceList: put.AcceptedPriceList}
		order.Metadata.Name, order.Metadata.Labels = name, put.Metadata.Labels
		if instance == nil {
			s.order(w, order, dry)
			return
		}
		s.change(w, instance, put.Spec.Plan, dry)
	case instance == nil:
		refuse(w, 404, fmt.Sprintf("There is no instance named %q here, or you may not see it.", name))
	case len(path) == 2 && r.Method == "POST":
		s.act(w, instance, path[1])
	case r.Method == "PATCH":
		var patch api.InstancePut
		s.decode(body, &patch)
		s.change(w, instance, patch.Spec.Plan, dry)
	case r.Method == "DELETE":
		s.delete(w, instance)
	case r.URL.Query().Get("watch") == "true":
		s.watch(w, r, instance)
	default:
		answer(w, 200, instance)
	}
}

func (s *server) decode(body []byte, into any) {
	if err := json.Unmarshal(body, into); err != nil {
		s.t.Errorf("request body %s: %v", body, err)
	}
}

func (s *server) order(w http.ResponseWriter, order api.InstanceOrder, dry bool) {
	name := order.Metadata.Name
	switch {
	case order.Spec.Plan == "huge":
		refuse(w, 422, "The request cannot be carried out as it is.", api422{"body.spec.plan", "there is no plan huge"})
	case s.instances[name] != nil:
		refuse(w, 409, "The name "+name+" is taken.")
	case dry:
		answer(w, 200, api.Preview{
			Action: "create", PriceList: s.prices,
			Changes: []api.Change{{Field: "spec.plan", To: "small"}, {Field: "spec.storageGiB", To: 10}, {Field: "spec.zone", To: "local"}},
			Cost:    api.CostDiff{After: api.Price{Hour: chf("0.02"), Month: chf("16.40"), ByUse: []api.UnitPrice{{Item: "backup-storage", Unit: "GiB-month", Price: chf("0.05")}}}, HourDelta: chf("0.02"), MonthDelta: chf("16.40")},
		})
	case order.AcceptedPriceList != s.prices:
		refuse(w, 409, "Prices have changed since they were shown.")
	default:
		s.instances[name] = instance(name, func(i *api.Instance) {
			i.Spec, i.Metadata.Labels = order.Spec, order.Metadata.Labels
			i.Spec.Plan, i.Spec.Zone, i.Spec.StorageGiB = "small", "local", 10
			i.Status.Phase, i.Status.ObservedGeneration, i.Status.Endpoint = api.PhasePending, 0, nil
		})
		answer(w, 201, s.instances[name])
	}
}

func (s *server) change(w http.ResponseWriter, i *api.Instance, plan string, dry bool) {
	before := api.Price{Hour: chf("0.02"), Month: chf("16.40")}
	preview := api.Preview{
		Action: "update", PriceList: s.prices, Effects: []string{"The database restarts."},
		Changes: []api.Change{{Field: "spec.plan", From: i.Spec.Plan, To: plan}},
		Cost:    api.CostDiff{Before: &before, After: api.Price{Hour: chf("0.04"), Month: chf("20.10")}, HourDelta: chf("0.02"), MonthDelta: chf("3.70")},
	}
	same := plan == "" || plan == i.Spec.Plan
	if same {
		preview = api.Preview{Action: "none", Cost: api.CostDiff{Before: &before, After: before, HourDelta: chf("0.00"), MonthDelta: chf("0.00")}}
	}
	if dry {
		answer(w, 200, preview)
		return
	}
	if !same {
		i.Spec.Plan = plan
		i.Metadata.Generation++
		i.Status.Phase = api.PhaseUpdating
	}
	answer(w, 200, i)
}

func (s *server) delete(w http.ResponseWriter, i *api.Instance) {
	if i.Spec.Protected == nil || *i.Spec.Protected {
		refuse(w, 409, "db1 is protected from deletion. First: souk unprotect db1")
		return
	}
	i.Status.Phase = api.PhaseDeleting
	answer(w, 200, i)
}

func (s *server) act(w http.ResponseWriter, i *api.Instance, action string) {
	switch action {
	case "protect", "unprotect":
		protected := action == "protect"
		i.Spec.Protected = &protected
	case "suspend":
		i.Metadata.Generation++
		i.Status.SuspendedFor = []string{"user"}
	case "resume":
		i.Metadata.Generation++
		i.Status.SuspendedFor = nil
	case "undelete":
		i.Metadata.Generation++
		i.Status.Phase = api.PhaseUpdating
	}
	answer(w, 200, i)
}

// watch sends what there is, then one step of the life after the other.
func (s *server) watch(w http.ResponseWriter, r *http.Request, watched ...*api.Instance) {
	w.Header().Set("Content-Type", "text/event-stream")
	sent := 0
	send := func(i *api.Instance) {
		text, _ := json.Marshal(i)
		fmt.Fprintf(w, "id: %d\nevent: instance\ndata: %s\n\n", len(s.life), text)
		w.(http.Flusher).Flush()
		if sent++; sent == s.cut {
			s.cut = 0
			panic(http.ErrAbortHandler)
		}
	}
	if r.Header.Get("Last-Event-ID") == "" {
		for _, i := range watched {
			send(i)
		}
		fmt.Fprintf(w, "id: %d\nevent: synced\ndata: {}\n\n: keep-alive\n\n", len(s.life))
	}
	for len(s.life) > 0 && len(watched) > 0 {
		s.life[0](watched[0])
		s.life = s.life[1:]
		send(watched[0])
	}
	w.(http.Flusher).Flush()
	s.mu.Unlock()
	<-r.Context().Done()
	s.mu.Lock()
}

func (s *server) all() []*api.Instance {
	var all []*api.Instance
	for _, i := range s.instances {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b *api.Instance) int { return strings.Compare(a.Metadata.Name, b.Metadata.Name) })
	return all
}

// sent returns the requests of a method, without dry runs.
func (s *server) sent(method string) []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []request
	for _, r := range s.requests {
		if r.method == method && !strings.Contains(r.query, "dryRun") {
			found = append(found, r)
		}
	}
	return found
}

type api422 struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

func refuse(w http.ResponseWriter, status int, detail string, fields ...api422) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "title": http.StatusText(status), "detail": detail, "errors": fields})
}

func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document)
}
