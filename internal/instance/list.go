package instance

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// Query chooses and orders instances. Empty fields choose all.
type Query struct {
	ID                         uuid.UUID // uuid.Nil: any
	Project                    uuid.UUID // uuid.Nil: every project that the transaction may see
	Organization               string    // by name; for the operator
	ProjectName                string    // in whichever organization; for the operator
	Phase, Service, Zone, Plan string
	ServiceLevel               string
	Provider                   string    // of the zone
	From, To                   time.Time // ordered in [From, To); zero: no bound
	Text                       string    // part of the name or the display name
	Labels                     map[string]string
	Sort                       string // a key of sorts, "-" before it for descending
	Limit                      int    // at most 200; 0 means 50
	Cursor                     string
	Purged                     bool // include what is removed for good
}

// sorts are the columns that a listing can be sorted by.
var sorts = map[string]string{
	"name": "i.name", "createdAt": "i.created_at", "updatedAt": "i.updated_at", "phase": "i.phase", "service": "i.service", "storageGiB": "i.storage_gib",
}

// casts give the type of a sort column, for comparing with a cursor's text.
var casts = map[string]string{"createdAt": "timestamptz", "updatedAt": "timestamptz", "storageGiB": "bigint"}

// cursor is the place after which a page begins.
type cursor struct {
	Sort  string    `json:"s"`
	Value string    `json:"v"`
	ID    uuid.UUID `json:"i"`
}

// List returns a page of instances and the cursor of the next, "" on the last.
func (s *Service) List(ctx context.Context, tx store.Tx, q Query) ([]View, string, error) {
	limit := q.Limit
	if limit == 0 {
		limit = 50
	}
	if limit < 1 || limit > 200 {
		return nil, "", problem.InvalidField("query.limit", q.Limit, "A page has from 1 to 200 entries.")
	}
	if q.Sort == "" {
		q.Sort = "createdAt"
	}
	referred, err := q.referred(ctx, tx)
	if err != nil {
		return nil, "", err
	}
	where, args, err := q.where(referred)
	if err != nil {
		return nil, "", err
	}
	key, descending := strings.CutPrefix(q.Sort, "-")
	direction := ""
	if descending {
		key, direction = strings.TrimPrefix(q.Sort, "-"), " DESC"
	}
	order := fmt.Sprintf(" ORDER BY %s%s, i.id%s", sorts[key], direction, direction)
	// The page is found first, on an index; only its rows are joined.
	sql := fmt.Sprintf("SELECT %s FROM (SELECT * FROM instances i %s%s LIMIT %d) i%s%s", viewColumns, where, order, limit+1, viewJoins, order)
	if q.filtered() {
		// How to find it best depends on how many match, so a plan is made for
		// these very values rather than kept for all.
		args = append([]any{pgx.QueryExecModeCacheDescribe}, args...)
	}
	found, err := collect(ctx, tx, sql, args...)
	if err != nil || len(found) <= limit {
		return found, "", err
	}
	found = found[:limit]
	return found, encodeCursor(q.Sort, key, found[limit-1]), nil
}

// filtered says whether there are conditions that few instances may match.
func (q Query) filtered() bool {
	return q.Organization != "" || q.ProjectName != "" || q.Phase != "" || q.Service != "" || q.Zone != "" || q.Plan != "" || q.ServiceLevel != "" ||
		q.Provider != "" || !q.From.IsZero() || !q.To.IsZero() || q.Text != "" || len(q.Labels) > 0
}

// referral is a column with the IDs that it may have.
type referral struct {
	column string
	ids    []uuid.UUID
}

// referred finds the rows that are chosen by their names. They are looked up
// first, for the database can tell how many instances have an ID, but not how
// many have one that it has yet to find.
func (q Query) referred(ctx context.Context, tx store.Tx) ([]referral, error) {
	var out []referral
	for _, f := range []struct{ column, sql, name string }{
		{"i.organization_id", "SELECT id FROM organizations WHERE name = $1", q.Organization},
		{"i.plan_revision_id", "SELECT id FROM plan_revisions WHERE name = $1", q.Plan},
		{"i.project_id", "SELECT id FROM projects WHERE name = $1", q.ProjectName},
		{"i.zone_id", "SELECT id FROM zones WHERE name = $1", q.Zone},
		{"i.zone_id", "SELECT z.id FROM zones z JOIN providers v ON v.id = z.provider_id WHERE v.name = $1", q.Provider},
	} {
		if f.name == "" {
			continue
		}
		rows, err := tx.Query(ctx, f.sql, f.name)
		if err != nil {
			return nil, err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return nil, err
		}
		out = append(out, referral{f.column, ids})
	}
	return out, nil
}

// where returns the WHERE clause with its arguments; every value is an argument.
func (q Query) where(referred []referral) (string, []any, error) {
	var terms []string
	var args []any
	add := func(term string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			term = strings.Replace(term, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		terms = append(terms, term)
	}
	if !q.Purged {
		add("i.phase <> 'Purged'")
	}
	if q.ID != uuid.Nil {
		add("i.id = ?", q.ID)
	}
	if q.Project != uuid.Nil {
		add("i.project_id = ?", q.Project)
	}
	for _, r := range referred {
		add(r.column+" = ANY (?)", r.ids)
	}
	if q.Phase != "" {
		add("i.phase = ?", q.Phase)
	}
	if q.Service != "" {
		add("i.service = ?", q.Service)
	}
	if q.ServiceLevel != "" {
		add("i.service_level = ?", q.ServiceLevel)
	}
	if !q.From.IsZero() {
		add("i.created_at >= ?", q.From)
	}
	if !q.To.IsZero() {
		add("i.created_at < ?", q.To)
	}
	if q.Text != "" {
		// Names have no capital letters, and LIKE is much cheaper than ILIKE.
		like := "%" + escapeLike(q.Text) + "%"
		add("(i.name LIKE ? OR i.display_name ILIKE ?)", strings.ToLower(like), like)
	}
	for _, key := range slices.Sorted(maps.Keys(q.Labels)) {
		add("EXISTS (SELECT FROM instance_labels l WHERE l.instance_id = i.id AND l.project_id = i.project_id AND l.key = ? AND l.value = ?)", key, q.Labels[key])
	}
	key := strings.TrimPrefix(q.Sort, "-")
	if sorts[key] == "" {
		return "", nil, problem.InvalidField("query.sort", q.Sort, "Sort by one of name, createdAt, updatedAt, phase, service, storageGiB; put - before it for descending.")
	}
	if q.Cursor != "" {
		c, ok := decodeCursor(q.Cursor)
		if !ok || c.Sort != q.Sort {
			return "", nil, problem.InvalidField("query.cursor", nil, "This cursor does not belong to this listing. Start again without one.")
		}
		compare := ">"
		if strings.HasPrefix(q.Sort, "-") {
			compare = "<"
		}
		value := "?::text"
		if cast := casts[key]; cast != "" {
			value = "?::text::" + cast
		}
		add(fmt.Sprintf("(%s, i.id) %s (%s, ?)", sorts[key], compare, value), c.Value, c.ID)
	}
	return "WHERE " + strings.Join(terms, " AND "), args, nil
}

// cursorTime is the form of times in cursors.
const cursorTime = "2006-01-02T15:04:05.000000Z"

func encodeCursor(sort, key string, v View) string {
	value := map[string]string{
		"name": v.Name, "createdAt": v.CreatedAt.UTC().Format(cursorTime), "updatedAt": v.UpdatedAt.UTC().Format(cursorTime),
		"phase": v.Phase, "service": v.Service, "storageGiB": itoa(v.StorageGib),
	}[key]
	return base64.RawURLEncoding.EncodeToString(mustJSON(cursor{sort, value, v.ID}))
}

func decodeCursor(text string) (cursor, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return cursor{}, false
	}
	var c cursor
	if json.Unmarshal(raw, &c) != nil {
		return cursor{}, false
	}
	key := strings.TrimPrefix(c.Sort, "-")
	switch casts[key] {
	case "timestamptz":
		_, err := time.Parse(cursorTime, c.Value)
		return c, err == nil
	case "bigint":
		return c, c.Value != "" && len(c.Value) < 19 && !strings.ContainsFunc(c.Value, func(r rune) bool { return r < '0' || r > '9' })
	}
	return c, true
}

// EventsPage is a page of an instance's timeline, newest first.
func (s *Service) EventsPage(ctx context.Context, tx store.Tx, p Place, name, cursor string, limit int) ([]instancedb.EventsRow, string, error) {
	v, err := s.Get(ctx, tx, p, name)
	if err != nil {
		return nil, "", err
	}
	return EventsOf(ctx, tx, v.ID, cursor, limit)
}

// EventsOf is a page of the timeline of the instance with that ID, newest first.
func EventsOf(ctx context.Context, tx store.Tx, id uuid.UUID, cursor string, limit int) ([]instancedb.EventsRow, string, error) {
	if limit == 0 {
		limit = 50
	}
	if limit < 1 || limit > 200 {
		return nil, "", problem.InvalidField("query.limit", limit, "A page has from 1 to 200 entries.")
	}
	params := instancedb.EventsParams{InstanceID: id, Limit: int32(limit) + 1}
	if cursor != "" {
		before, err := uuid.Parse(cursor)
		if err != nil {
			return nil, "", problem.InvalidField("query.cursor", nil, "This cursor does not belong to this listing. Start again without one.")
		}
		params.Before = &before
	}
	rows, err := instancedb.New(tx).Events(ctx, params)
	if err != nil || len(rows) <= limit {
		return rows, "", err
	}
	rows = slices.Clip(rows[:limit])
	return rows, rows[limit-1].ID.String(), nil
}
