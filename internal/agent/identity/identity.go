// Package identity keeps what proves to the control plane which agent this is:
// a private key that never leaves the machine, its certificate, and the
// authority that the control plane is verified by.
package identity

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"souk/internal/agent/durable"
	"souk/internal/agentapi"
)

// Identity is one certificate of an agent and all that goes with it.
type Identity struct {
	ZoneID      string    `json:"zoneID"`
	Zone        string    `json:"zone"`
	Epoch       int64     `json:"epoch"`
	Key         string    `json:"key"`         // PEM, PKCS #8
	Certificate string    `json:"certificate"` // PEM
	CA          string    `json:"ca"`          // PEM bundle
	NotBefore   time.Time `json:"notBefore"`   // real time
	NotAfter    time.Time `json:"notAfter"`    // real time
	// TokenHash tells a token that is new from the one that was spent.
	TokenHash string `json:"tokenHash"`
}

// Expired says whether the certificate has run out at a moment of real time.
func (id *Identity) Expired(at time.Time) bool { return !at.Before(id.NotAfter) }

// TLS returns the key pair and the authorities to verify the control plane by.
func (id *Identity) TLS() (tls.Certificate, *x509.CertPool, error) {
	pair, err := tls.X509KeyPair([]byte(id.Certificate), []byte(id.Key))
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("read the agent's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(id.CA)) {
		return tls.Certificate{}, nil, errors.New("read the control plane's authority: no certificate in it")
	}
	return pair, roots, nil
}

// Folder is where an identity lives. One process uses it at a time.
type Folder struct{ dir string }

// In returns the identity's folder inside the agent's data folder.
func In(dataDir string) (*Folder, error) {
	dir := filepath.Join(dataDir, "identity")
	if err := durable.Folder(dir); err != nil {
		return nil, err
	}
	return &Folder{dir: dir}, nil
}

func (f *Folder) identityPath() string { return filepath.Join(f.dir, "identity.json") }
func (f *Folder) pendingPath() string  { return filepath.Join(f.dir, "pending-key.pem") }
func (f *Folder) retiredPath() string  { return filepath.Join(f.dir, "retired") }

// Load returns the identity, or nil when this agent has not enrolled.
func (f *Folder) Load() (*Identity, error) {
	text, err := os.ReadFile(f.identityPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the agent's identity: %w", err)
	}
	id := new(Identity)
	if err := json.Unmarshal(text, id); err != nil {
		return nil, fmt.Errorf("the agent's identity in %s is damaged: move the file away and enrol anew with a new token", f.identityPath())
	}
	if _, _, err := id.TLS(); err != nil {
		return nil, fmt.Errorf("the agent's identity in %s is damaged (%w): move the file away and enrol anew with a new token", f.identityPath(), err)
	}
	return id, f.forgetUsedKey(id)
}

// keep makes the identity durable. The pending key has become its key.
func (f *Folder) keep(id *Identity) error {
	text, err := json.Marshal(id)
	if err != nil {
		return fmt.Errorf("write the agent's identity: %w", err)
	}
	return durable.WriteFile(f.identityPath(), text)
}

// Retired is why an identity must not be used any more.
type Retired string

// The reasons. An agent with one of them needs a new token.
const (
	Superseded Retired = "superseded" // another agent was enrolled for the zone
	Stale      Retired = "stale"      // the data folder is older than what the control plane has acknowledged
	Refused    Retired = "refused"    // the control plane does not know the certificate; it may come to its senses
)

// retirement names the epoch that it is about: it says nothing of a later one.
type retirement struct {
	Epoch int64   `json:"epoch"`
	Why   Retired `json:"why"`
}

// Retire keeps the reason until the agent has enrolled anew.
func (f *Folder) Retire(id *Identity, why Retired) error {
	text, err := json.Marshal(retirement{Epoch: id.Epoch, Why: why})
	if err != nil {
		return fmt.Errorf("retire the agent's identity: %w", err)
	}
	return durable.WriteFile(f.retiredPath(), text)
}

// Retired returns why the identity must not be used, or nothing.
func (f *Folder) Retired(id *Identity) (Retired, error) {
	text, err := os.ReadFile(f.retiredPath())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	var note retirement
	if err == nil {
		err = json.Unmarshal(text, &note)
	}
	if err != nil {
		return "", fmt.Errorf("read why the agent's identity was retired (%s): %w", f.retiredPath(), err)
	}
	if note.Epoch != id.Epoch {
		return "", nil
	}
	return note.Why, nil
}

// Reinstate forgets the reason: the control plane knows the agent after all.
func (f *Folder) Reinstate() error { return durable.Remove(f.retiredPath()) }

// HashToken returns what is kept of a token: enough to know it again.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// accept checks an answer of the control plane and makes an identity of it.
func accept(answer *agentapi.EnrolResponse, key, tokenHash string) (*Identity, error) {
	id := &Identity{
		ZoneID: answer.ZoneID, Zone: answer.Zone, Epoch: answer.Epoch,
		Key: key, Certificate: answer.Certificate, CA: answer.CA, TokenHash: tokenHash,
	}
	pair, _, err := id.TLS()
	if err != nil {
		return nil, fmt.Errorf("the control plane's answer cannot be used: %w", err)
	}
	id.NotBefore, id.NotAfter = pair.Leaf.NotBefore, pair.Leaf.NotAfter
	return id, nil
}
