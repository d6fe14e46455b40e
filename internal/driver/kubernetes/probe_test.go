package kubernetes

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
)

// An agent outside of its cluster may have no way to addresses within it: silence there
// says nothing until something has answered.
func TestSilenceSaysNothingWhereNothingHasAnswered(t *testing.T) {
	silent, refused := errors.New("i/o timeout"), fmt.Errorf("dial: %w", syscall.ECONNREFUSED)
	for _, test := range []struct {
		name   string
		before []error
		err    error
		tells  bool
	}{
		{"silence at first", nil, silent, false},
		{"silence again", []error{silent}, silent, false},
		{"a refusal, which the cluster answers with", nil, refused, true},
		{"silence after an answer", []error{nil}, silent, true},
		{"silence after a refusal", []error{refused}, silent, true},
	} {
		var r route
		for _, err := range test.before {
			_ = r.judge(err)
		}
		if got := r.judge(test.err); !errors.Is(got, test.err) || errors.Is(got, driver.ErrCannotTell) == test.tells {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestAddressWithinTheCluster(t *testing.T) {
	service := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"clusterIP": "10.0.0.7", "ports": []any{map[string]any{"port": int64(5432), "nodePort": int64(31000)}}}}}
	if host, port := within(service); host != "10.0.0.7" || port != 5432 {
		t.Errorf("%s:%d", host, port)
	}
	if host, port := within(nil); host != "" || port != 0 {
		t.Errorf("without a Service: %s:%d", host, port)
	}
}
