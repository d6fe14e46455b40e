package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"souk/api"
	"souk/internal/controlplane"
	"souk/internal/instance"
)

// bareEnv has this program be the baseline of a listing; it holds the path of
// the configuration of the `souk serve` that it is compared with.
const bareEnv = "SOUK_BENCH_BARE"

// bareListenEnv is where the baseline listens, bareOrganization and bareProject
// what it lists.
const (
	bareListenEnv       = "SOUK_BENCH_LISTEN"
	bareOrganizationEnv = "SOUK_BENCH_ORGANIZATION"
	bareProjectEnv      = "SOUK_BENCH_PROJECT"
)

//go:embed list.sql
var listSQL string

// serveBare is a handler over the same record under the same role and row-level
// security, with the same query and the same documents, and nothing else: no
// authentication, no authorization, no routing, no checks, no log.
func serveBare(config string) error {
	c, err := controlplane.LoadConfig(config)
	if err != nil {
		return err
	}
	pc, err := pgxpool.ParseConfig(c.Record.App)
	if err != nil {
		return err
	}
	pc.MaxConns = 16
	pc.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(context.Background(), pc)
	if err != nil {
		return err
	}
	organizations, project := "{"+os.Getenv(bareOrganizationEnv)+"}", os.Getenv(bareProjectEnv)
	return http.ListenAndServe(os.Getenv(bareListenEnv), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var found []instance.View
		err := pgx.BeginFunc(r.Context(), pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(r.Context(), "SELECT set_config('souk.organizations', $1, true), set_config('souk.reader', '', true)", organizations)
			if err != nil {
				return err
			}
			rows, err := tx.Query(r.Context(), listSQL, project)
			if err != nil {
				return err
			}
			found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[instance.View])
			return err
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		out := api.List[api.Instance]{Items: make([]api.Instance, 0, pageOf)}
		now := time.Now()
		for _, v := range found[:min(len(found), pageOf)] {
			out.Items = append(out.Items, v.API(now))
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out)
	}))
}

// bareHandler is a running baseline.
type bareHandler struct {
	url string
	*program
}

// startBare runs the baseline, in a process of its own as Souk is.
func startBare(ctx context.Context, e *env, p *plant) (*bareHandler, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	organization, project, err := p.where(ctx)
	if err != nil {
		return nil, err
	}
	return onFreePorts(ctx, func() (*bareHandler, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		address := l.Addr().String()
		l.Close()
		b := &bareHandler{url: "http://" + address + "/"}
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), bareEnv+"="+p.path, bareListenEnv+"="+address, bareOrganizationEnv+"="+organization, bareProjectEnv+"="+project)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		b.program, err = startProgram(ctx, cmd, b.url, filepath.Join(e.dir, "bare.log"))
		return b, err
	})
}

// where returns the IDs of bench/default.
func (p *plant) where(ctx context.Context) (organization, project string, err error) {
	conn, err := pgx.Connect(ctx, p.superuser())
	if err != nil {
		return "", "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, "SELECT o.id::text, p.id::text FROM organizations o JOIN projects p ON p.organization_id = o.id WHERE o.name = 'bench' AND p.name = 'default'").Scan(&organization, &project)
	return organization, project, err
}
