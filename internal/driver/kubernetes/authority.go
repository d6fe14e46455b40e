package kubernetes

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/pki"
)

// authorityName is the Secret, in the agent's namespace, that holds the zone's
// certificate authority and the key that instances' own secrets derive from.
const authorityName = "souk-zone-authority"

// authority is what a zone's instances are vouched for by. It never leaves the
// cluster; whoever loses it has to replace every client's CA.
type authority struct {
	ca   *pki.CA
	seed []byte
}

// derive makes a secret for a purpose; the same each time.
func (a *authority) derive(purpose string) []byte {
	mac := hmac.New(sha256.New, a.seed)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// openAuthority loads the zone's authority, making it the first time. Of two
// agents that make one at the same time, one wins and both use it.
func (d *Driver) openAuthority(ctx context.Context) (*authority, error) {
	in := d.client.Resource(secrets).Namespace(d.cfg.Namespace)
	for {
		found, err := in.Get(ctx, authorityName, metav1.GetOptions{})
		if err == nil {
			return readAuthority(found)
		}
		if !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("read the zone's authority, Secret %s/%s: %w", d.cfg.Namespace, authorityName, err)
		}
		made, err := d.newAuthority()
		if err != nil {
			return nil, err
		}
		_, err = in.Create(ctx, made, metav1.CreateOptions{FieldManager: manager})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return nil, fmt.Errorf("make the zone's authority, Secret %s/%s: %w", d.cfg.Namespace, authorityName, err)
		}
	}
}

func dataOf(secret *unstructured.Unstructured) map[string]string {
	data, _, _ := unstructured.NestedStringMap(secret.Object, "data")
	return data
}

func (d *Driver) newAuthority() (*unstructured.Unstructured, error) {
	ca, err := pki.NewCA("Souk zone authority", d.cfg.Now())
	if err != nil {
		return nil, err
	}
	pair, err := ca.Pair()
	if err != nil {
		return nil, err
	}
	seed := make([]byte, 32)
	_, _ = rand.Read(seed) // it never fails
	return Secret(d.cfg.Namespace, authorityName, map[string]string{labelManager: "souk"}, map[string][]byte{
		"tls.crt": pair.Cert, "tls.key": pair.Key, "seed": seed,
	}), nil
}

func readAuthority(secret *unstructured.Unstructured) (*authority, error) {
	data := map[string][]byte{}
	for name, text := range dataOf(secret) {
		value, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("the Secret %s: %s cannot be read", authorityName, name)
		}
		data[name] = value
	}
	ca, err := pki.LoadCA(pki.Pair{Cert: data["tls.crt"], Key: data["tls.key"]})
	if err == nil && len(data["seed"]) < 32 {
		err = errors.New("it has no seed")
	}
	if err != nil {
		return nil, fmt.Errorf("the Secret %s: %w; put it back from a backup: clients trust no other authority", authorityName, err)
	}
	return &authority{ca: ca, seed: data["seed"]}, nil
}

// Secret makes an opaque Secret.
func Secret(namespace, name string, labels map[string]string, data map[string][]byte) *unstructured.Unstructured {
	encoded := map[string]any{}
	for k, v := range data {
		encoded[k] = base64.StdEncoding.EncodeToString(v)
	}
	return Object("v1", "Secret", namespace, name, labels, map[string]any{"type": "Opaque", "data": encoded})
}

// certificate returns the Secret with the server's certificate: the current
// one as long as it is good, or else a new one. nil means that nothing changes.
func (d *Driver) certificate(job *Job, engine Engine, names []string, current *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if current != nil {
		text, _ := base64.StdEncoding.DecodeString(dataOf(current)["tls.crt"])
		cert, err := pki.ParseCertificate(text)
		if err == nil && d.cfg.Now().Before(pki.RenewAt(cert)) && d.authority.ca.IssuedBy(cert) && pki.Covers(cert, names) {
			return nil, nil
		}
	}
	pair, err := d.authority.ca.IssueServer(names, d.cfg.Now(), cmp.Or(d.cfg.CertificateValidity.Duration, pki.ServerValidity))
	if err != nil {
		return nil, err
	}
	secret := Secret(job.Namespace, serverName, withLabels(job.Labels, engine.Reloaded()), map[string][]byte{"tls.crt": pair.Cert, "tls.key": pair.Key})
	secret.Object["type"] = "kubernetes.io/tls"
	return secret, nil
}
