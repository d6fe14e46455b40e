package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is the server's refusal: an RFC 9457 problem document.
type Error struct {
	Status     int           // HTTP status
	Code       string        // for programs; may be empty
	Title      string        // what kind of problem
	Detail     string        // what happened, why, and what to do
	Fields     []FieldError  // what is wrong with which field
	RetryAfter time.Duration // 0 when the server did not say
	RequestID  string        // to quote to the operator; may be empty
}

// FieldError names one field of the request and what is wrong with it.
type FieldError struct {
	Location string `json:"location"` // such as "body.spec.plan"
	Message  string `json:"message"`
}

// Name returns the field without the part of the request it was in:
// "spec.plan" for "body.spec.plan".
func (f FieldError) Name() string {
	for _, part := range []string{"body.", "path.", "query.", "header."} {
		if name, ok := strings.CutPrefix(f.Location, part); ok {
			return name
		}
	}
	return f.Location
}

func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Title
	}
	if text == "" {
		text = fmt.Sprintf("the server answered %d", e.Status)
	}
	for _, f := range e.Fields {
		text += "; " + strings.TrimPrefix(f.Name()+": "+f.Message, ": ")
	}
	return text
}

// IsStatus tells whether err is a refusal with this HTTP status.
func IsStatus(err error, status int) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Status == status
}

// IsCode tells whether err is a refusal with this code.
func IsCode(err error, code string) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Code == code
}

// UnreachableError says that the server could not be reached, or went away
// before it answered.
type UnreachableError struct {
	Server string
	Err    error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach %s: %v", e.Server, e.Err)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// problem reads the refusal in a response. It takes any body: a proxy in
// between may answer with a page of its own.
func problem(resp *http.Response) *Error {
	e := &Error{
		Status:     resp.StatusCode,
		Title:      http.StatusText(resp.StatusCode),
		RetryAfter: retryAfter(resp.Header.Get("Retry-After")),
		RequestID:  resp.Header.Get("X-Request-Id"),
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		e.Detail = fmt.Sprintf("the server sends us on to %s; use that address instead", resp.Header.Get("Location"))
		return e
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var doc struct {
		Code   string       `json:"code"`
		Title  string       `json:"title"`
		Detail string       `json:"detail"`
		Errors []FieldError `json:"errors"`
	}
	if !isJSON(resp.Header.Get("Content-Type")) || json.Unmarshal(body, &doc) != nil {
		e.Detail = fmt.Sprintf("%d %s, from something that is not Souk: check the server's address", resp.StatusCode, e.Title)
		return e
	}
	e.Code, e.Detail, e.Fields = doc.Code, doc.Detail, doc.Errors
	if doc.Title != "" {
		e.Title = doc.Title
	}
	return e
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

func retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
