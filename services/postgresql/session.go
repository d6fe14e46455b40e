package postgresql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"souk/internal/driver/process"
	"souk/internal/shim"
)

// session is a connection as the superuser, through the instance's socket.
type session struct{ *pgx.Conn }

// sessionSettings keep what users may have set for their database away from
// the superuser's sessions, and statements with verifiers out of the log and out
// of the activity view, which users may read. As owners users may ALTER DATABASE
// SET what would keep these sessions out, end them, or make them somebody else's.
var sessionSettings = map[string]string{
	"role":                                "none",
	"local_preload_libraries":             "",
	"client_encoding":                     "UTF8",
	"standard_conforming_strings":         "on",
	"application_name":                    "souk",
	"search_path":                         "pg_catalog",
	"default_transaction_read_only":       "off",
	"default_transaction_isolation":       "read committed",
	"statement_timeout":                   "60000",
	"lock_timeout":                        "20000",
	"idle_session_timeout":                "0",
	"idle_in_transaction_session_timeout": "0",
	"log_min_duration_statement":          "-1",
	"log_min_error_statement":             "panic",
	"track_activities":                    "off",
}

// The pauses between attempts to reach a server that is starting; it tells
// nobody when it is ready.
const (
	firstPause   = 2 * time.Millisecond
	longestPause = 50 * time.Millisecond
)

// connect opens a session, waiting for a server that is starting until ctx ends
// or the server does.
func connect(ctx context.Context, host *process.Host, database string) (*session, error) {
	for pause := firstPause; ; pause = min(pause*3/2, longestPause) {
		conn, err := attempt(ctx, host, database)
		if err == nil {
			return &session{conn}, nil
		}
		if !starting(err) {
			return nil, err
		}
		if alive := host.Alive(ctx); alive != nil {
			return nil, alive
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the server does not answer yet: %w (%w)", context.Cause(ctx), err)
		case <-time.After(pause):
		}
	}
}

func attempt(ctx context.Context, host *process.Host, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port = host.Path(shim.RunFolder), uint16(host.Port)
	config.User, config.Password, config.Database = superuser, "", database
	config.Fallbacks = nil
	config.RuntimeParams = sessionSettings
	config.DialFunc = func(ctx context.Context, _, path string) (net.Conn, error) { return host.Dial(ctx, path) }
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	return pgx.ConnectConfig(ctx, config)
}

// starting says whether an error means that the server is not ready yet: its
// socket is not there, nobody listens on it, or it is not open to others yet.
func starting(err error) bool {
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		return refusal.Code == "57P03" // cannot_connect_now
	}
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EACCES)
}

// settings returns the fingerprints of what the server was started with and of
// what it last loaded.
func (s *session) settings(ctx context.Context) (started, loaded string, err error) {
	err = s.QueryRow(ctx, `SELECT coalesce(current_setting('souk.started_with', true), ''),
	                              coalesce(current_setting('souk.settings', true), '')`).Scan(&started, &loaded)
	return started, loaded, err
}

// reconnect opens the pass's session anew.
func (w *work) reconnect(ctx context.Context) error {
	w.close()
	var err error
	w.admin, err = connect(ctx, w.Host, "postgres")
	return err
}

// close ends the pass's session, if there is one.
func (w *work) close() {
	if w.admin == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.admin.Close(ctx)
	w.admin = nil
}

// reload has the server take in its configuration and waits until it has. A
// session opened after that shows it, for the server reads everything before it
// lets anybody in again.
func (w *work) reload(ctx context.Context) error {
	if err := w.Signal(ctx, syscall.SIGHUP); err != nil {
		return err
	}
	for pause := firstPause; ; pause = min(pause*3/2, longestPause) {
		if err := w.reconnect(ctx); err != nil {
			return err
		}
		_, loaded, err := w.admin.settings(ctx)
		if err != nil || loaded == w.config.all {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server has not taken in its settings: %w", context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// exec carries out statements made of a format and identifiers.
func (s *session) exec(ctx context.Context, format string, names ...string) error {
	quoted := make([]any, len(names))
	for i, name := range names {
		quoted[i] = pgx.Identifier{name}.Sanitize()
	}
	_, err := s.Exec(ctx, fmt.Sprintf(format, quoted...))
	return err
}

// literal quotes a text that is known to hold no backslash.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
