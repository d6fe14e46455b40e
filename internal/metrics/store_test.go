package metrics

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"souk/internal/servicepkg"
)

// What comes a day late, twice, or in any order is kept, once.
func TestLateSamplesAreKept(t *testing.T) {
	l := local(t)
	now := time.Now().Truncate(time.Second)
	at := func(ago time.Duration, v float64) prompb.TimeSeries {
		s := figure(newID(), "late", now.Add(-ago))
		s.Labels[1].Value, s.Samples[0].Value = mine, v
		return s
	}
	for _, s := range []prompb.TimeSeries{at(0, 1), at(time.Hour, 2), at(23*time.Hour, 3), at(time.Hour, 2), at(2*time.Hour, 4), at(48*time.Hour, 5)} {
		if err := l.Append(t.Context(), []prompb.TimeSeries{s}); err != nil {
			t.Fatal(err)
		}
	}
	result, err := l.Query(t.Context(), mine, Query{Expr: "sum_over_time(late[25h])", Start: now, End: now})
	if err != nil || !strings.Contains(string(result.Data), `"10"`) {
		t.Errorf("%s, %v; want 1 + 2 + 3 + 4", result.Data, err)
	}
}

// A store is opened again with what it held, and by nobody else meanwhile.
func TestLocalKeepsWhatItHeld(t *testing.T) {
	folder := t.TempDir()
	l, err := OpenLocal(LocalConfig{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), []prompb.TimeSeries{series(mine, "up")}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = OpenLocal(LocalConfig{Folder: folder}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	result, err := l.Query(t.Context(), mine, Query{Expr: "count_over_time(up[1h])", Start: noon, End: noon})
	if err != nil || !strings.Contains(string(result.Data), `"40"`) {
		t.Errorf("%s, %v", result.Data, err)
	}
}

// A dashboard has a value for each moment, and null where nothing is known.
func TestDashboard(t *testing.T) {
	l := twoTenants(t)
	d := servicepkg.Dashboard{Panels: []servicepkg.Panel{
		{Title: "Up", Description: "x", Unit: "count", Queries: []servicepkg.PanelQuery{{Expr: "up", Legend: "up"}}},
		{Title: "HTTP", Description: "x", Unit: "perSecond", Queries: []servicepkg.PanelQuery{{Expr: "rate(http_total[{{RATE}}])", Legend: "code {{code}}"}}},
	}}
	m, err := Read(t.Context(), l, mine, d, Span{Start: noon.Add(-20 * time.Minute), End: noon, Points: 20})
	if err != nil {
		t.Fatal(err)
	}
	up, http := m.Panels[0].Series, m.Panels[1].Series
	if len(up) != 1 || len(up[0].Values) != 21 || up[0].Values[0] != nil || up[0].Values[20] == nil || *up[0].Values[20] != 39 || m.StepSeconds != 60 {
		t.Errorf("%+v", m)
	}
	if len(http) != 2 || http[0].Legend != "code 200" || http[1].Legend != "code 500" || http[0].Values[20] == nil {
		t.Errorf("%+v", http)
	}
	if !m.Start.Equal(noon.Add(-20*time.Minute)) || !m.End.Equal(noon) {
		t.Errorf("%s to %s", m.Start, m.End)
	}
}

func TestExposition(t *testing.T) {
	text, err := Exposition(Result{Data: []byte(`{"resultType":"vector","result":[{"metric":{"__name__":"b","x":"a\"\\\n"},"value":[1,"2"]},{"metric":{"__name__":"a"},"value":[1,"NaN"]}]}`)})
	if want := "a{} NaN\nb{x=\"a\\\"\\\\\\n\"} 2\n"; err != nil || text != want {
		t.Errorf("%q, %v; want %q", text, err, want)
	}
}

// elsewhere is an external store that answers as it is told.
type elsewhere struct {
	status int
	answer string
	asked  []url.Values
	wrote  []prompb.TimeSeries
	header http.Header
}

func (e *elsewhere) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.header = r.Header
	if r.URL.Path == "/write" {
		packed, _ := io.ReadAll(r.Body)
		raw, err := snappy.Decode(nil, packed)
		var in prompb.WriteRequest
		if err != nil || in.Unmarshal(raw) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		e.wrote = append(e.wrote, in.Timeseries...)
	} else {
		_ = r.ParseForm()
		e.asked = append(e.asked, r.Form)
	}
	w.WriteHeader(e.status)
	_, _ = io.WriteString(w, e.answer)
}

func TestRemote(t *testing.T) {
	there := &elsewhere{status: 200, answer: `{"status":"success","data":{"resultType":"vector","result":[]}}`}
	server := httptest.NewServer(there)
	defer server.Close()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := NewRemote(RemoteConfig{WriteURL: server.URL + "/write", QueryURL: server.URL + "/", TokenFile: token, Headers: map[string]string{"X-Scope-OrgID": "souk"}})
	if err := r.Append(t.Context(), []prompb.TimeSeries{series(mine, "up")}); err != nil || len(there.wrote) != 1 {
		t.Fatal(err, there.wrote)
	}
	if there.header.Get("Authorization") != "Bearer open sesame" || there.header.Get("X-Scope-OrgID") != "souk" || there.header.Get("X-Prometheus-Remote-Write-Version") != "0.1.0" {
		t.Error(there.header)
	}
	if _, err := r.Query(t.Context(), mine, Query{Expr: `up{instance_id=~".*"} or vector(1)`, Start: noon, End: noon.Add(time.Hour), Step: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if asked := there.asked[0].Get("query"); !strings.Contains(asked, LabelID+`="`+mine+`"`) {
		t.Errorf("the store was asked %s", asked)
	}
	there.answer = fmt.Sprintf(`{"status":"success","data":[{"__name__":"up","instance_id":%q}]}`, theirs)
	if sets, err := r.Series(t.Context(), mine, []string{"up"}, noon, noon); err == nil {
		t.Errorf("series of another were passed on: %v", sets)
	}
	if asked := there.asked[1].Get("match[]"); !strings.Contains(asked, LabelID+`="`+mine+`"`) {
		t.Errorf("the store was asked %s", asked)
	}
}

// What a store says tells whether the same samples are sent again.
func TestRemoteRefusals(t *testing.T) {
	for status, want := range map[int]error{400: ErrRefused, 413: ErrRefused, 422: ErrRefused, 401: ErrAway, 404: ErrAway, 429: ErrAway, 500: ErrAway, 503: ErrAway} {
		server := httptest.NewServer(&elsewhere{status: status, answer: "no"})
		r := NewRemote(RemoteConfig{WriteURL: server.URL + "/write", QueryURL: server.URL})
		if err := r.Append(t.Context(), []prompb.TimeSeries{series(mine, "up")}); !errors.Is(err, want) {
			t.Errorf("%d: %v", status, err)
		}
		var refused *QueryError
		if _, err := r.Query(t.Context(), mine, Query{Expr: "up", Start: noon, End: noon}); !errors.As(err, &refused) || refused.Kind != Unavailable {
			t.Errorf("%d: %v", status, err)
		}
		server.Close()
	}
}
