package httpapi

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/signing"
)

func (s *Server) registerSigning() {
	register(s, Operation{
		Method: http.MethodGet, Path: "/api/v1/signing-keys", ID: "signing-keys", Tag: "evidence", Action: authz.Public,
		Summary:     "Public keys by which signatures of evidence are checked",
		Description: "The same set is served as " + signing.Path + ", where tools look for it.",
	}, func(ctx context.Context, _ *struct{}) (*body[api.SigningKeys], error) {
		keys, err := s.signingKeys(ctx)
		return &body[api.SigningKeys]{keys}, err
	})
	s.mux.HandleFunc("GET "+signing.Path, s.serveSigningKeys)
}

func (s *Server) signingKeys(ctx context.Context) (api.SigningKeys, error) {
	out := api.SigningKeys{Keys: []api.SigningKey{}}
	set, err := s.Signing.Keys(ctx)
	for _, k := range set.Keys {
		public, _ := k.Key.(ed25519.PublicKey)
		out.Keys = append(out.Keys, api.SigningKey{KeyType: "OKP", Curve: "Ed25519", ID: k.KeyID, Use: k.Use, Algorithm: k.Algorithm, X: base64.RawURLEncoding.EncodeToString(public)})
	}
	return out, err
}

func (s *Server) serveSigningKeys(w http.ResponseWriter, r *http.Request) {
	keys, err := s.signingKeys(r.Context())
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_ = json.NewEncoder(w).Encode(keys)
}
