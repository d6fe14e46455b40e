package api

// SigningKeys is a JSON Web Key Set (RFC 7517): the public keys by which the
// signatures of evidence are checked.
type SigningKeys struct {
	Keys []SigningKey `json:"keys" doc:"The oldest first. Keys that sign nothing more stay, so that what they signed can be checked."`
}

// SigningKey is one public key (RFC 8037).
type SigningKey struct {
	KeyType   string `json:"kty" doc:"OKP"`
	Curve     string `json:"crv" doc:"Ed25519"`
	ID        string `json:"kid" doc:"The key's thumbprint (RFC 7638)"`
	Use       string `json:"use" doc:"sig"`
	Algorithm string `json:"alg" doc:"EdDSA"`
	X         string `json:"x" doc:"The public key, base64url"`
}
