//go:build e2e

package redis

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/kubernetes/clustertest"
)

// TestClusterPodsThatEnd: what the server had been told is in force again after each
// of its starts, also that a log-in is revoked, and every key is there.
func TestClusterPodsThatEnd(t *testing.T) {
	d := cluster(t, "rk-pods")
	t.Cleanup(func() { d.Close() })
	want := clusterOrder()
	clustertest.Removed(t, d, want.ID)
	conn := user(t, want, clustertest.Running(t, d, &want).Endpoint)
	do(t, conn, "SET", "kept", "yes")
	revoked := want.Credentials[0]
	want.Generation++
	want.Credentials = []driver.Credential{{ID: "b", Login: "bob", Password: "another-password"}}
	at := clustertest.Running(t, d, &want).Endpoint
	if _, err := conn.Do("PING"); err == nil {
		t.Error("the session of a revoked log-in goes on")
	}
	clustertest.NewPerson(t).Gone(clustertest.Core("pods"), want.ID, "redis-0")
	seen := clustertest.Until(t, d, &want, func(seen driver.Observation, err error) bool { return err == nil && seen.State == driver.StateRunning })
	if *seen.Endpoint != *at {
		t.Errorf("it moved from %v to %v", at, seen.Endpoint)
	}
	if v, err := redis.String(user(t, want, at).Do("GET", "kept")); err != nil || v != "yes" {
		t.Errorf("%q is left, %v", v, err)
	}
	if conn, err := dial(t.Context(), at, revoked.Login, revoked.Password); err == nil {
		conn.Close()
		t.Error("a revoked log-in came in")
	}
}

// TestClusterSizes: a plan that the data does not fit is refused before anything is
// changed, and one that it fits comes into force.
func TestClusterSizes(t *testing.T) {
	d := cluster(t, "rk-sizes")
	t.Cleanup(func() { d.Close() })
	want := clusterOrder()
	clustertest.Removed(t, d, want.ID)
	conn := user(t, want, clustertest.Running(t, d, &want).Endpoint)
	const keys = 50 // of 1.25 MiB each, as Redis allots memory: two thirds of what it may take
	for n := range keys {
		do(t, conn, "SET", fmt.Sprint("k", n), strings.Repeat("x", 1<<20))
	}
	small := want
	small.Generation++
	small.Plan.MemoryMiB = 64
	var blocked *driver.BlockedError
	if _, err := d.Ensure(t.Context(), small); !errors.As(err, &blocked) || blocked.BlockedBy != "you" || !strings.Contains(blocked.Message, "room for 38 MiB") {
		t.Errorf("a plan that is too small: %v", err)
	}
	do(t, conn, "PING") // it was not disturbed
	want.Generation++
	want.Plan.MemoryMiB = 256
	conn = user(t, want, clustertest.Running(t, d, &want).Endpoint)
	if got := figure(t, conn, "maxmemory"); got != fmt.Sprint(memoryFor(256)) {
		t.Errorf("maxmemory %s", got)
	}
	if n, err := redis.Int(conn.Do("DBSIZE")); err != nil || n != keys {
		t.Errorf("%d keys are left, %v", n, err)
	}
}

// TestClusterCertificate: a new certificate is shown without a restart.
func TestClusterCertificate(t *testing.T) {
	t.Run("one member", func(t *testing.T) { renewsCertificate(t, "rk-certificate", clusterOrder()) })
	t.Run("three members", func(t *testing.T) { renewsCertificate(t, "rk-certificates", guaranteedOrder()) })
}

func renewsCertificate(t *testing.T, zone string, want driver.Instance) {
	const validity = 3 * time.Minute
	d := cluster(t, zone, func(c *kubernetes.Config) { c.CertificateValidity.Duration = validity })
	t.Cleanup(func() { d.Close() })
	clustertest.Removed(t, d, want.ID)
	at := clustertest.Running(t, d, &want).Endpoint
	conn := user(t, want, at)
	began := figure(t, conn, "run_id")
	first := shown(t, at)
	deadline := time.Now().Add(2 * validity)
	for bytes.Equal(shown(t, at).Raw, first.Raw) {
		if time.Now().After(deadline) {
			t.Fatalf("it still shows its first certificate, of %v", first.NotBefore)
		}
		select {
		case <-d.Events():
		case <-time.After(5 * time.Second):
		}
		if _, err := d.Ensure(t.Context(), want); err != nil {
			t.Fatal(err)
		}
	}
	if got := figure(t, user(t, want, at), "run_id"); got != began {
		t.Error("the server was started again")
	}
	if want.ServiceLevel == driver.Guaranteed {
		sentinelsShow(t, want, first)
	}
}

// sentinelsShow waits until Sentinels show another certificate, too.
func sentinelsShow(t *testing.T, want driver.Instance, before *x509.Certificate) {
	t.Helper()
	for _, name := range firstMembers {
		service, err := clustertest.NewPerson(t).In(clustertest.Core("services"), want.ID).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ip, _, _ := unstructured.NestedString(service.Object, "spec", "clusterIP")
		at := &driver.Endpoint{Host: ip, Port: sentinelPort}
		for end := time.Now().Add(3 * time.Minute); ; time.Sleep(time.Second) {
			if conn, err := tls.Dial("tcp", net.JoinHostPort(ip, strconv.Itoa(sentinelPort)), &tls.Config{InsecureSkipVerify: true}); err == nil {
				conn.Close()
				if !bytes.Equal(shown(t, at).Raw, before.Raw) {
					break
				}
			}
			if time.Now().After(end) {
				t.Fatalf("the Sentinel of %s still shows its first certificate", name)
			}
		}
	}
}

// shown is the certificate that a server shows to its clients.
func shown(t *testing.T, at *driver.Endpoint) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", net.JoinHostPort(at.Host, strconv.Itoa(at.Port)), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// TestClusterDataLost: an instance whose data is gone is said to be lost, and is
// never begun anew empty.
func TestClusterDataLost(t *testing.T) {
	d := cluster(t, "rk-lost")
	t.Cleanup(func() { d.Close() })
	claims, sets := clustertest.Core("persistentvolumeclaims"), (&clusterEngine{}).Kind()
	for name, lose := range map[string]func(t *testing.T, p *clustertest.Person, id string){
		"its StatefulSet deleted by hand": func(_ *testing.T, p *clustertest.Person, id string) { p.Gone(sets, id, "redis") },
		"its claim deleted by hand": func(t *testing.T, p *clustertest.Person, id string) {
			if err := p.In(claims, id).Delete(t.Context(), "data", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			p.Gone(clustertest.Core("pods"), id, "redis-0")
		},
		"its volume emptied": func(t *testing.T, p *clustertest.Person, id string) {
			// Another claim in the place of its own, as of a storage that lost the first.
			scale := func(text string) {
				if _, err := p.In(sets, id).Patch(t.Context(), "redis", types.MergePatchType, []byte(text), metav1.PatchOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			before, err := p.In(claims, id).Get(t.Context(), "data", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			scale(`{"spec": {"replicas": 0}}`)
			p.Gone(claims, id, "data")
			again := kubernetes.Object("v1", "PersistentVolumeClaim", before.GetNamespace(), "data", before.GetLabels(), map[string]any{"spec": map[string]any{
				"accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": "1Gi"}},
			}})
			if _, err := p.In(claims, id).Create(t.Context(), again, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := clusterOrder()
			clustertest.Removed(t, d, want.ID)
			do(t, user(t, want, clustertest.Running(t, d, &want).Endpoint), "SET", "k", "v")
			clustertest.Running(t, d, &want) // it is noted in the cluster that there is data
			lose(t, clustertest.NewPerson(t), want.ID)
			clustertest.Until(t, d, &want, func(_ driver.Observation, err error) bool { return errors.Is(err, driver.ErrDataLost) })
			for range 20 {
				if seen, err := d.Ensure(t.Context(), want); !errors.Is(err, driver.ErrDataLost) {
					t.Fatalf("it was lost, and then %s, %v", seen.State, err)
				}
				time.Sleep(200 * time.Millisecond)
			}
		})
	}
}
