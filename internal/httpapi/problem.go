package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"souk/internal/problem"
	"souk/internal/store"
)

// Problem is the document of an error (RFC 9457).
type Problem struct {
	Title     string         `json:"title" doc:"What kind of problem" example:"Conflict"`
	Status    int            `json:"status" doc:"HTTP status"`
	Code      string         `json:"code,omitempty" doc:"For programs" example:"name-taken"`
	Detail    string         `json:"detail" doc:"What happened, why, and what to do"`
	Errors    []ProblemField `json:"errors,omitempty" doc:"What is wrong with which field"`
	RequestID string         `json:"requestID,omitempty" doc:"To quote to the operator"`

	retryAfter time.Duration
}

// ProblemField is what is wrong with one field.
type ProblemField struct {
	Location string `json:"location,omitempty" example:"body.spec.plan"`
	Message  string `json:"message"`
	Value    any    `json:"value,omitempty" doc:"As it was received"`
}

// Error is for logs.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns the headers that go with the problem.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.retryAfter+time.Second-1)/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="souk"`)
	}
	return h
}

// ContentType is asked for by huma.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// huma's hooks for the errors that it finds itself are variables.
func init() {
	huma.NewErrorWithContext = func(ctx huma.Context, status int, detail string, errs ...error) huma.StatusError {
		p := fromHuma(status, detail, errs)
		p.RequestID = RequestID(ctx.Context())
		return p
	}
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		return fromHuma(status, detail, errs)
	}
}

// fromHuma rewrites what huma says about a request that does not fit the
// document, without repeating what may be a secret.
func fromHuma(status int, detail string, errs []error) *Problem {
	p := &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Code: "invalid"}
	switch {
	case status >= 500:
		p.Code, p.Detail = "internal", internalDetail
		return p
	case status == http.StatusRequestEntityTooLarge:
		p.Code, p.Detail = "too-large", tooLargeDetail
	case status == http.StatusRequestTimeout:
		p.Code, p.Detail = "timeout", "The request's body did not arrive in time."
	case status == http.StatusUnsupportedMediaType:
		p.Detail = "The request's body has to be JSON, with the Content-Type application/json."
	case status == http.StatusBadRequest && len(errs) > 0:
		p.Detail = "The request's body is not valid JSON."
	case status == http.StatusBadRequest:
		p.Detail = "The request has to have a body."
	case status == http.StatusUnprocessableEntity:
		p.Detail = "The request does not fit what this operation takes."
	}
	for _, err := range errs {
		var d huma.ErrorDetailer
		if !errors.As(err, &d) {
			continue
		}
		e := d.ErrorDetail()
		p.Errors = append(p.Errors, ProblemField{Location: e.Location, Message: e.Message, Value: harmless(e.Location, e.Value)})
	}
	return p
}

// harmless returns a value that can be shown again: a short scalar that is not
// in a field for secrets.
func harmless(location string, value any) any {
	lower := strings.ToLower(location)
	if lower == "body" || strings.Contains(lower, "password") || strings.Contains(lower, "secret") || strings.Contains(lower, "token") || strings.Contains(lower, "code") {
		return nil
	}
	switch v := value.(type) {
	case string:
		if len(v) > 200 || !utf8.ValidString(v) {
			return nil
		}
		return v
	case bool, float64, int, int64, json.Number:
		return v
	}
	return nil
}

const (
	internalDetail = "Something went wrong on our side. Nothing was changed. Repeat the request, and quote the request ID if it happens again."
	awayDetail     = "Souk cannot reach its records at the moment. Repeat the request with the same Idempotency-Key: what was carried out already is not carried out again."
	tooLargeDetail = "The request's body is larger than this server takes."
	missingDetail  = "There is nothing at this address."
)

// problem turns any error of a handler into its document. What is not meant for
// the user is logged, and not shown.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	id := RequestID(ctx)
	var done *Problem
	if errors.As(err, &done) {
		done.RequestID = id
		return done
	}
	if e := problem.As(err); e != nil {
		return fromProblem(e, id)
	}
	if ctx.Err() != nil {
		return &Problem{Title: "Request ended", Status: http.StatusServiceUnavailable, Code: "ended", Detail: "The request ended before its answer was ready.", RequestID: id}
	}
	if e := fromRecord(err); e != nil {
		return fromProblem(e, id)
	}
	if store.Away(err) {
		s.Logger.WarnContext(ctx, "the record is away", "request", id, "operation", callFrom(ctx).op.ID, "error", err)
		return fromProblem(&problem.Error{Status: http.StatusServiceUnavailable, Code: "record-away", Detail: awayDetail, RetryAfter: time.Second}, id)
	}
	s.Logger.ErrorContext(ctx, "request failed", "request", id, "operation", callFrom(ctx).op.ID, "error", err)
	return &Problem{Title: http.StatusText(http.StatusInternalServerError), Status: http.StatusInternalServerError, Code: "internal", Detail: internalDetail, RequestID: id}
}

// fromRecord finds the problem in an error of the database that means one
// whatever was done.
func fromRecord(err error) *problem.Error {
	switch store.ErrorCode(err) {
	case "40001", "40P01", "55P03", "57014": // contention that repeating did not get past
		return &problem.Error{Status: http.StatusServiceUnavailable, Code: "busy", Detail: "Others are changing the same thing. Repeat the request.", RetryAfter: time.Second}
	case "22021", "22P05": // a text with a zero byte
		return &problem.Error{Status: http.StatusUnprocessableEntity, Code: "invalid", Detail: "The request holds a character that cannot be stored, such as a zero byte. Remove it."}
	}
	return nil
}

func fromProblem(e *problem.Error, id string) *Problem {
	p := &Problem{Title: http.StatusText(e.Status), Status: e.Status, Code: e.Code, Detail: e.Detail, RequestID: id, retryAfter: e.RetryAfter}
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, ProblemField{Location: f.Location, Message: f.Message, Value: f.Value})
	}
	return p
}

// refuse answers with the error outside of any handler.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problem(r.Context(), err)
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}
