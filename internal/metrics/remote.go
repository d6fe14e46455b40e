package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
)

// RemoteConfig says where an external store is.
type RemoteConfig struct {
	WriteURL string // takes remote write 1.0
	QueryURL string // what "/api/v1/query" is appended to
	// TokenFile holds a bearer token for both, and is read for each request; "": none.
	TokenFile string
	// Headers are sent with each request, such as X-Scope-OrgID.
	Headers map[string]string
}

// Remote is a Store elsewhere: any that takes Prometheus' remote write and answers
// its HTTP API.
type Remote struct {
	RemoteConfig
	client *http.Client
}

var _ Store = (*Remote)(nil)

// NewRemote returns a store that is asked when it is needed.
func NewRemote(c RemoteConfig) *Remote {
	c.QueryURL = strings.TrimSuffix(c.QueryURL, "/")
	return &Remote{RemoteConfig: c, client: &http.Client{Timeout: queryWithin + 5*time.Second}}
}

// Append implements Store.
func (r *Remote) Append(ctx context.Context, series []prompb.TimeSeries) error {
	raw, err := (&prompb.WriteRequest{Timeseries: series}).Marshal()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.WriteURL, bytes.NewReader(snappy.Encode(nil, raw)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("Content-Encoding", "snappy")
	request.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	answer, err := r.do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 512))
	switch {
	case answer.StatusCode/100 == 2:
		return nil
	case slices.Contains(refusals, answer.StatusCode):
		return fmt.Errorf("%w: %s", ErrRefused, bytes.TrimSpace(said))
	}
	return fmt.Errorf("%w: it answered %d: %s", ErrAway, answer.StatusCode, bytes.TrimSpace(said))
}

// refusals are about the samples, and not about the asker or the moment.
var refusals = []int{http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}

func (r *Remote) do(request *http.Request) (*http.Response, error) {
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	if r.TokenFile != "" {
		token, err := os.ReadFile(r.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("%w: its token cannot be read: %w", ErrAway, err)
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	answer, err := r.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	return answer, nil
}

// Query implements Store.
func (r *Remote) Query(ctx context.Context, instanceID string, q Query) (Result, error) {
	return r.query(ctx, owns(instanceID), q)
}

// Across implements Store.
func (r *Remote) Across(ctx context.Context, service string, q Query) (Result, error) {
	return r.query(ctx, ofService(service), q)
}

func (r *Remote) query(ctx context.Context, own *labels.Matcher, q Query) (Result, error) {
	if err := q.check(); err != nil {
		return Result{}, err
	}
	expr, err := keepTo(q.Expr, own)
	if err != nil {
		return Result{}, err
	}
	form := url.Values{"query": {expr}, "timeout": {queryWithin.String()}}
	path := "/api/v1/query"
	if q.Step == 0 {
		form.Set("time", stamp(q.End))
	} else {
		path = "/api/v1/query_range"
		form.Set("start", stamp(q.Start))
		form.Set("end", stamp(q.End))
		form.Set("step", strconv.FormatFloat(q.Step.Seconds(), 'f', -1, 64))
	}
	return r.ask(ctx, path, form)
}

func stamp(at time.Time) string { return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64) }

// ask sends a form and reads what the store answers.
func (r *Remote) ask(ctx context.Context, path string, form url.Values) (Result, error) {
	away := &QueryError{Unavailable, "The metrics store cannot be reached. Try again in a moment; nothing is lost meanwhile."}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.QueryURL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return Result{}, away
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := r.do(request)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return Result{}, &QueryError{Timeout, "The query takes longer than 20 seconds: ask for a shorter span, or for less."}
	}
	if err != nil {
		return Result{}, away
	}
	defer answer.Body.Close()
	var said struct {
		Status    string          `json:"status"`
		Data      json.RawMessage `json:"data"`
		ErrorType string          `json:"errorType"`
		Error     string          `json:"error"`
		Warnings  []string        `json:"warnings"`
	}
	if json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(&said) != nil {
		return Result{}, away
	}
	switch {
	case said.Status == "success":
		return Result{Data: said.Data, Warnings: said.Warnings}, nil
	case said.ErrorType == BadData || said.ErrorType == Execution || said.ErrorType == Timeout:
		return Result{}, &QueryError{said.ErrorType, said.Error}
	}
	return Result{}, away
}

// Series implements Store.
func (r *Remote) Series(ctx context.Context, instanceID string, texts []string, from, to time.Time) ([]map[string]string, error) {
	sets, err := selectors(texts, instanceID)
	if err != nil {
		return nil, err
	}
	form := url.Values{"start": {stamp(from)}, "end": {stamp(to)}}
	for _, matchers := range sets {
		form.Add("match[]", written(matchers))
	}
	result, err := r.ask(ctx, "/api/v1/series", form)
	if err != nil {
		return nil, err
	}
	var all, own []map[string]string
	if err := json.Unmarshal(result.Data, &all); err != nil {
		return nil, &QueryError{Unavailable, "The metrics store did not answer with series."}
	}
	for _, set := range all {
		if set[LabelID] != instanceID {
			return nil, &QueryError{Unavailable, errForeign.Error()}
		}
		own = append(own, set)
	}
	return own, nil
}

var errForeign = errors.New("the metrics store answered with series that were not asked for")

// written is a selector of the matchers.
func written(matchers []*labels.Matcher) string {
	parts := make([]string, len(matchers))
	for i, m := range matchers {
		parts[i] = m.String()
	}
	return "{" + strings.Join(parts, ",") + "}"
}
