package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souk/internal/authz"
)

// Operation is one operation of the API. Its place is the {org} and {project}
// of its path.
type Operation struct {
	Method, Path string
	ID           string // "projects-create"
	Tag          string
	Summary      string
	Description  string
	// Action is what the asker must be allowed to do at the place. There is no
	// operation without one.
	Action authz.Action
	// Operator, where set, lets the operator's staff in as well, if they may do
	// this. They then see that one organization only.
	Operator authz.Action
	// AnyProject lets in whoever may do the action in some project of the
	// organization; the handler keeps to Place.Projects.
	AnyProject bool
	// Asker lets whoever has a token say who they are to a public operation. One
	// that is no good is refused.
	Asker bool
	// Unrepeatable is for bodies with a password: an Idempotency-Key is not looked
	// at, as not even the body's hash may be kept. And for those that say by
	// themselves what is the same again.
	Unrepeatable bool
	// System lets the operation write to organizations other than that of its path;
	// its handler checks which.
	System bool
	// Accepts are the media types of a body that the handler reads by itself.
	Accepts []string
	Status  int    // of success; 0: 200, or 204 without a body
	Media   string // media type of an answer that is a file; "": it is a document
	MaxBody int64  // bounds the body in bytes, where it is larger than that of others
	Stream  bool   // the answer may go on for longer than writeTimeout
	// Serve answers requests that are more than a document, once they are let
	// in; it says whether it did, and leaves the others to the handler.
	Serve func(w http.ResponseWriter, r *http.Request) bool
}

// Changes says whether the operation changes or reveals something.
func (op Operation) Changes() bool {
	return op.Method != http.MethodGet && op.Method != http.MethodHead
}

// Operations returns all that is registered.
func (s *Server) Operations() []Operation { return slices.Clone(s.operations) }

// register adds an operation to the API. The handler runs only for those who may
// do the operation's action; it reads and writes through Server.Read and
// Server.Change. Its errors become problem documents.
func register[I, O any](s *Server, op Operation, handle func(context.Context, *I) (*O, error)) {
	if err := op.check(); err != nil {
		panic(err)
	}
	if op.Status == 0 {
		op.Status = http.StatusNoContent
		if _, ok := reflect.TypeFor[O]().FieldByName("Body"); ok {
			op.Status = http.StatusOK
		}
	}
	s.operations = append(s.operations, op)
	if op.MaxBody > 0 {
		s.largeBodies[op.Path] = op.MaxBody
	}
	h := huma.Operation{
		Method: op.Method, Path: op.Path, OperationID: op.ID, Summary: op.Summary, Description: op.Description,
		DefaultStatus: op.Status, MaxBodyBytes: s.bodyLimit(op.Path), BodyReadTimeout: s.ReadTimeout,
		RejectUnknownQueryParameters: true,
		Middlewares:                  huma.Middlewares{s.admit(op)},
		Extensions:                   map[string]any{"x-souk-action": string(op.Action)},
	}
	if op.Media != "" {
		schema := &huma.Schema{Type: huma.TypeString, Format: "binary"}
		if op.Media == "application/json" {
			schema = &huma.Schema{Type: huma.TypeObject}
		}
		h.Responses = map[string]*huma.Response{strconv.Itoa(op.Status): {Content: map[string]*huma.MediaType{op.Media: {Schema: schema}}}}
	}
	if len(op.Accepts) > 0 {
		h.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, media := range op.Accepts {
			h.RequestBody.Content[media] = &huma.MediaType{Schema: &huma.Schema{}}
		}
	}
	if op.Tag != "" {
		h.Tags = []string{op.Tag}
	}
	if op.Action == authz.Public {
		h.Security = []map[string][]string{}
	} else {
		h.Security = []map[string][]string{{"token": {}}}
	}
	if op.Changes() && op.Action != authz.Public && !op.Unrepeatable {
		h.Parameters = append(h.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "Repeats of the request with the same key within 24 hours are not carried out again.",
		})
	}
	huma.Register(s.api, h, func(ctx context.Context, in *I) (*O, error) {
		call := callFrom(ctx)
		call.bodyRead()
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

func (op Operation) check() error {
	inside := strings.Contains(op.Path, "{org}")
	switch {
	case op.ID == "":
		return fmt.Errorf("%s %s has no ID", op.Method, op.Path)
	case !op.Action.Known():
		return fmt.Errorf("operation %s has no action: nobody could say who may use it", op.ID)
	case op.Action.Roleless() && inside:
		return fmt.Errorf("operation %s is within an organization and needs an action there", op.ID)
	case !op.Action.Roleless() && !op.Action.AcrossOrganizations() && !inside:
		return fmt.Errorf("operation %s has an action of an organization but no {org} in its path", op.ID)
	case op.Operator != "" && (!op.Operator.AcrossOrganizations() || !op.Operator.Known()):
		return fmt.Errorf("operation %s: %q is not an action across organizations", op.ID, op.Operator)
	}
	return nil
}

// InOrganization and InProject are the place in the path of an operation; embed
// them in its input.
type InOrganization struct {
	Organization string `path:"org" maxLength:"63" doc:"Name of the organization"`
}

type InProject struct {
	InOrganization
	Project string `path:"project" maxLength:"63" doc:"Name of the project"`
}

// body is the output of an operation that answers with a document.
type body[T any] struct{ Body T }
