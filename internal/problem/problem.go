// Package problem defines the errors that reach users: what happened, why, and
// what to do, naming the field. They become RFC 9457 problem documents.
package problem

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is an error for the user. Nothing of the inside is in it.
type Error struct {
	Status int    // HTTP status
	Code   string // stable, for programs: "name-taken"
	Detail string // plain words: what happened, why, what to do
	Fields []Field
	// RetryAfter is set when the same request may work later.
	RetryAfter time.Duration
}

// Field is what is wrong with one field of a request.
type Field struct {
	Location string // "body.spec.plan", "query.limit"
	Message  string
	Value    any // never a secret
}

func (e *Error) Error() string {
	if len(e.Fields) == 0 {
		return e.Detail
	}
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Location + ": " + f.Message
	}
	return e.Detail + " (" + strings.Join(parts, "; ") + ")"
}

// As returns the problem in an error chain, or nil.
func As(err error) *Error {
	var p *Error
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// NotFound says that something does not exist, or that the asker may not see
// it: the two look the same.
func NotFound(kind, name string) *Error {
	return &Error{Status: http.StatusNotFound, Code: "not-found", Detail: fmt.Sprintf("There is no %s named %q here, or you may not see it.", kind, name)}
}

// Conflict says that the state of things does not allow the request.
func Conflict(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusConflict, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Forbidden says that the asker's role does not allow the request.
func Forbidden(format string, args ...any) *Error {
	return &Error{Status: http.StatusForbidden, Code: "forbidden", Detail: fmt.Sprintf(format, args...)}
}

// Invalid says which fields are wrong.
func Invalid(fields ...Field) *Error {
	return &Error{Status: http.StatusUnprocessableEntity, Code: "invalid", Detail: "The request cannot be carried out as it is.", Fields: fields}
}

// InvalidField is Invalid for one field.
func InvalidField(location string, value any, format string, args ...any) *Error {
	return Invalid(Field{Location: location, Value: value, Message: fmt.Sprintf(format, args...)})
}

// Complaints collects what is wrong with a request, field by field.
type Complaints []Field

// Unless complains of a field where it is not as it has to be.
func (c *Complaints) Unless(ok bool, location string, value any, format string, args ...any) {
	if !ok {
		*c = append(*c, Field{Location: location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
}

// Err is Invalid for all complaints, or nil where there are none.
func (c Complaints) Err() error {
	if len(c) == 0 {
		return nil
	}
	return Invalid(c...)
}

// Stale says that the object has changed since it was read.
func Stale() *Error {
	return &Error{Status: http.StatusPreconditionFailed, Code: "stale", Detail: "The object has changed since you read it. Read it again and repeat your change."}
}

// Unauthenticated says that the request does not show who asks.
func Unauthenticated(format string, args ...any) *Error {
	return &Error{Status: http.StatusUnauthorized, Code: "unauthenticated", Detail: fmt.Sprintf(format, args...)}
}

// TooMany says that the asker has to wait.
func TooMany(retryAfter time.Duration, format string, args ...any) *Error {
	return &Error{Status: http.StatusTooManyRequests, Code: "too-many-requests", Detail: fmt.Sprintf(format, args...), RetryAfter: retryAfter}
}
