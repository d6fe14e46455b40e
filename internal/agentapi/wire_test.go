package agentapi

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestABatchHoldsSoManyFacts(t *testing.T) {
	batch := func(n int) string {
		return `{"epoch":3,"facts":[` + strings.TrimSuffix(strings.Repeat(`{"sequence":1},`, n), ",") + `]}`
	}
	var b FactBatch
	if err := json.Unmarshal([]byte(batch(MaxFacts)), &b); err != nil || b.Epoch != 3 || len(b.Facts) != MaxFacts || b.Facts[1].Sequence != 1 {
		t.Errorf("epoch %d, %d facts, %v", b.Epoch, len(b.Facts), err)
	}
	if err := json.Unmarshal([]byte(batch(MaxFacts+1)), &b); err == nil {
		t.Error("one too many was taken")
	}
	if err := json.Unmarshal([]byte(`{"facts":[{"sequence":"x"}]}`), &b); err == nil {
		t.Error("a fact that is none was taken")
	}
}
