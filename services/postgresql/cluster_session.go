package postgresql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"souk/internal/driver/kubernetes"
)

// isLocation says whether there is a time zone of that name.
func isLocation(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "" && name != "Local"
}

// Settle brings roles and log-ins into force within the primary, once the
// members have their size and the server its settings.
func (e *clusterEngine) Settle(ctx context.Context, job *kubernetes.Job, v kubernetes.View) error {
	if !kubernetes.Sized(v, members(v), "postgres") || !e.restarted(v) {
		return kubernetes.ErrNotYet
	}
	parameters, _, err := clusterSettings(job)
	if err != nil {
		return err
	}
	primary := e.Look(v).Primary
	enter := func(ctx context.Context, database string) (*session, error) {
		return enterPod(ctx, job, primary, database)
	}
	admin, err := enter(ctx, "postgres")
	if wrongPassword(err) && job.Restore != nil {
		err = e.takeOver(ctx, job, primary)
		if err == nil {
			admin, err = enter(ctx, "postgres")
		}
	}
	if err != nil {
		return notServing(err)
	}
	defer admin.Close(context.WithoutCancel(ctx))
	inForce, err := settled(ctx, admin, parameters["souk.settings"])
	if err != nil {
		return err
	}
	if !inForce {
		return kubernetes.ErrNotYet
	}
	s := &server{admin: admin, enter: enter, credentials: job.Want.Credentials}
	if err := s.roles(ctx); err != nil {
		return err
	}
	if err := s.letReplicasRewind(ctx); err != nil {
		return err
	}
	if err := s.access(ctx); err != nil {
		return err
	}
	return s.probing(ctx, probeSecret(job))
}

// settled says whether the server runs with the settings that are wanted.
func settled(ctx context.Context, admin *session, wanted any) (bool, error) {
	var loaded string
	var waiting, standby bool
	err := admin.QueryRow(ctx, `SELECT coalesce(current_setting('souk.settings', true), ''),
		exists (SELECT FROM pg_settings WHERE pending_restart), pg_is_in_recovery()`).Scan(&loaded, &waiting, &standby)
	return loaded == wanted && !waiting && !standby, err
}

// letReplicasRewind lets a former primary come back as a replica: pg_rewind
// connects to the database postgres, which is closed to everybody else.
func (s *server) letReplicasRewind(ctx context.Context) error {
	var closed bool
	err := s.admin.QueryRow(ctx, `SELECT exists (SELECT FROM pg_roles WHERE rolname = 'streaming_replica'
		AND NOT has_database_privilege(oid, 'postgres', 'CONNECT'))`).Scan(&closed)
	if err != nil || !closed {
		return err
	}
	return s.admin.exec(ctx, "GRANT CONNECT ON DATABASE postgres TO %s", "streaming_replica")
}

// takeOver gives the superuser of a restored server the password of this instance:
// it comes with that of the instance that was backed up.
func (e *clusterEngine) takeOver(ctx context.Context, job *kubernetes.Job, primary string) error {
	before := fmt.Sprintf("%x", job.SecretOf(job.Restore.From, "admin"))
	admin, err := enterPodAs(ctx, job, primary, "postgres", before)
	if err != nil {
		return err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	secret, err := verifierWith(adminPassword(job), job.Secret("admin salt")[:16], iterations)
	if err != nil {
		return err
	}
	return admin.exec(ctx, "ALTER ROLE %s PASSWORD "+literal(secret), superuser)
}

// enterPod opens a session as the superuser from within a pod.
func enterPod(ctx context.Context, job *kubernetes.Job, pod, database string) (*session, error) {
	return enterPodAs(ctx, job, pod, database, adminPassword(job))
}

func enterPodAs(ctx context.Context, job *kubernetes.Job, pod, database, password string) (*session, error) {
	config, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port = "127.0.0.1", serverPort
	config.User, config.Password, config.Database = superuser, password, database
	config.Fallbacks = nil
	config.RuntimeParams = sessionSettings
	config.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		// The connection outlives the time for making it.
		return job.Dial(context.WithoutCancel(ctx), pod, serverPort)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &session{conn}, nil
}

func wrongPassword(err error) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code == "28P01"
}

// notServing turns the refusal of a server that is starting or ending into
// ErrNotYet.
func notServing(err error) error {
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && (refusal.Code == "57P03" || refusal.Code == "57P01") {
		return fmt.Errorf("%w: %w", kubernetes.ErrNotYet, err)
	}
	return err
}

// restarted says whether all members were started since a restart was asked for.
func (e *clusterEngine) restarted(v kubernetes.View) bool {
	if v.Want.Restart == 0 {
		return true
	}
	all := members(v)
	for _, pod := range all {
		if pod.GetAnnotations()[restart] != restartOf(v.Want) {
			return false
		}
	}
	return len(all) >= e.Members(v.Want.ServiceLevel)
}
