package httpapi

import (
	"context"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"souk/internal/catalog/catalogdb"
	"souk/internal/instance"
	"souk/internal/store"
)

// inventoryColumns head the table.
var inventoryColumns = []string{"organization", "project", "name", "displayName", "service", "plan", "serviceLevel", "zone", "provider", "phase", "blockedBy", "message",
	"storageGiB", "createdAt", "updatedAt", "id"}

// pageOfCSV is how many rows are read at once.
const pageOfCSV = 200

// table is an answer that is written bit by bit.
type table struct {
	ContentType string `header:"Content-Type"`
	Body        func(huma.Context)
}

// inventoryCSV writes page after page, each read in a transaction of its own, so
// that a slow reader holds nothing of the record. An answer that cannot be
// finished is broken off, rather than ended as if it were whole.
func (s *Server) inventoryCSV(ctx context.Context, in *InventoryFilter) (*table, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	q.Limit = pageOfCSV
	providers := map[string]string{}
	var views []instance.View
	page := func(ctx context.Context) error {
		var found []instance.View
		var next string
		err := s.Read(ctx, func(tx store.Tx, _ Place) error {
			zones, err := catalogdb.New(tx).Zones(ctx, "")
			if err != nil {
				return err
			}
			for _, z := range zones {
				providers[z.Name] = z.Provider
			}
			found, next, err = s.Instances.List(ctx, tx, q)
			return err
		})
		if err == nil {
			views, q.Cursor = found, next
		}
		return err
	}
	if err := page(ctx); err != nil { // while it can still be said
		return nil, err
	}
	end, err := s.streams.begin(PrincipalFrom(ctx).ID)
	if err != nil {
		return nil, err
	}
	return &table{"text/csv; charset=utf-8; header=present", func(hc huma.Context) {
		defer end()
		r, w := humago.Unwrap(hc)
		ctx, done := s.whileAdmitted(ctx, r)
		defer done()
		control := http.NewResponseController(w)
		hc.SetHeader("Content-Disposition", `attachment; filename="instances.csv"`)
		rows := csv.NewWriter(w)
		rows.UseCRLF = true
		_ = rows.Write(inventoryColumns)
		for {
			_ = control.SetWriteDeadline(time.Now().Add(eventWithin))
			for _, v := range views {
				_ = rows.Write(inventoryRow(v, providers[v.Zone]))
			}
			rows.Flush()
			if rows.Error() != nil || control.Flush() != nil {
				panic(http.ErrAbortHandler)
			}
			if q.Cursor == "" {
				return
			}
			if err := page(ctx); err != nil {
				s.Logger.WarnContext(ctx, "a table is broken off", "request", RequestID(ctx), "error", err)
				panic(http.ErrAbortHandler)
			}
		}
	}}, nil
}

func inventoryRow(v instance.View, provider string) []string {
	row := []string{v.Organization, v.Project, v.Name, v.DisplayName, v.Service, v.Plan, v.ServiceLevel, v.Zone, provider, v.Phase, v.BlockedBy, v.Message,
		strconv.FormatInt(v.StorageGib, 10), v.CreatedAt.UTC().Format(time.RFC3339), v.UpdatedAt.UTC().Format(time.RFC3339), v.ID.String()}
	for i := range row {
		row[i] = plainCell(row[i])
	}
	return row
}

// plainCell keeps spreadsheets from taking a text for a formula.
func plainCell(text string) string {
	if rest := strings.TrimLeft(text, " "); rest != "" && strings.ContainsRune("=+-@\t\r\n|", rune(rest[0])) {
		return "'" + text
	}
	return text
}
