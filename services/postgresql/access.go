package postgresql

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"souk/internal/driver"
)

// server is a running PostgreSQL as its superuser has it.
type server struct {
	admin *session // in the database postgres
	// enter opens a session in another database.
	enter func(ctx context.Context, database string) (*session, error)
	// credentials are the log-ins that are wanted.
	credentials []driver.Credential
}

// roles makes the owner role and the users' database, and closes the others.
func (s *server) roles(ctx context.Context) error {
	var hasOwner, hasDatabase, open bool
	err := s.admin.QueryRow(ctx, `SELECT
		exists (SELECT FROM pg_roles WHERE rolname = $1),
		exists (SELECT FROM pg_database WHERE datname = $2 AND datdba = to_regrole($1)),
		exists (SELECT FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) a
		        WHERE datname IN ('postgres', 'template1', $2) AND a.grantee = 0)`,
		owner, database).Scan(&hasOwner, &hasDatabase, &open)
	if err != nil {
		return err
	}
	if !hasOwner {
		// Users may watch their own server: its sessions and their statistics.
		if err := s.admin.exec(ctx, "CREATE ROLE %s NOLOGIN IN ROLE pg_read_all_stats", owner); err != nil {
			return err
		}
	}
	if !hasDatabase {
		if err := s.admin.exec(ctx, "CREATE DATABASE %s OWNER %s", database, owner); err != nil {
			return err
		}
		open = true
	}
	if open {
		return s.admin.exec(ctx, "REVOKE ALL ON DATABASE postgres, template1, %s FROM PUBLIC", database)
	}
	return nil
}

// ownRoles are the server's own and its operator's.
var ownRoles = []string{owner, superuser, backupRole, probeRole, "postgres", "streaming_replica", "cnpg_pooler_pgbouncer"}

// login is what the server has of a log-in.
type login struct{ verifier string }

// access makes the log-ins what they should be: those wanted can log in and act
// as the owner, all others are revoked.
func (s *server) access(ctx context.Context) error {
	for _, credential := range s.credentials {
		if err := validLogin(credential.Login); err != nil {
			return err
		}
	}
	present, err := s.logins(ctx)
	if err != nil {
		return err
	}
	var statements []string
	for _, credential := range s.credentials {
		found, ok := present[credential.Login]
		delete(present, credential.Login)
		if ok && verifies(found.verifier, credential.Password) {
			continue
		}
		text, err := grant(credential, ok)
		if err != nil {
			return err
		}
		statements = append(statements, text)
	}
	if len(statements) > 0 {
		if _, err := s.admin.Exec(ctx, strings.Join(statements, ";\n"), pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	return s.revoke(ctx, slices.Sorted(maps.Keys(present)))
}

// logins are the roles that the server has beside its own. A user cannot make
// any.
func (s *server) logins(ctx context.Context) (map[string]login, error) {
	rows, err := s.admin.Query(ctx, `SELECT rolname, CASE WHEN rolcanlogin THEN coalesce(rolpassword, '') ELSE '' END
		FROM pg_authid WHERE rolname <> ALL ($1) AND rolname NOT LIKE 'pg\_%'`, ownRoles)
	if err != nil {
		return nil, err
	}
	found := map[string]login{}
	var name, verifier string
	_, err = pgx.ForEachRow(rows, []any{&name, &verifier}, func() error {
		found[name] = login{verifier}
		return nil
	})
	return found, err
}

// grant is the statements that make a log-in, or give it another password.
func grant(credential driver.Credential, exists bool) (string, error) {
	secret, err := verifier(credential.Password)
	if err != nil {
		return "", err
	}
	name, as := pgx.Identifier{credential.Login}.Sanitize(), pgx.Identifier{owner}.Sanitize()
	verb := "CREATE"
	if exists {
		verb = "ALTER"
	}
	return strings.Join([]string{
		fmt.Sprintf("%s ROLE %s LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD %s", verb, name, literal(secret)),
		fmt.Sprintf("GRANT %s TO %s", as, name),
		fmt.Sprintf("GRANT CONNECT, TEMPORARY ON DATABASE %s TO %s", pgx.Identifier{database}.Sanitize(), name),
		fmt.Sprintf("ALTER ROLE %s SET role = %s", name, literal(owner)),
	}, ";\n"), nil
}

// revoke ends log-ins: first all of them lose their access, for removing one can
// fail over what users did in their database.
func (s *server) revoke(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := s.shutOut(ctx, name); err != nil {
			return fmt.Errorf("revoke a log-in: %w", err)
		}
	}
	for _, name := range names {
		if err := s.remove(ctx, name); err != nil {
			return fmt.Errorf("remove a revoked log-in: %w", err)
		}
	}
	return nil
}

// shutOut keeps a log-in from connecting and ends its sessions.
func (s *server) shutOut(ctx context.Context, name string) error {
	if err := s.admin.exec(ctx, "ALTER ROLE %s NOLOGIN PASSWORD NULL", name); err != nil {
		return err
	}
	_, err := s.admin.Exec(ctx, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1", name)
	return err
}

// remove removes a log-in. What it made belongs to the owner already, or is
// handed to it.
func (s *server) remove(ctx context.Context, name string) error {
	users, err := s.enter(ctx, database)
	if err != nil {
		return err
	}
	defer users.Close(ctx)
	tx, err := users.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	in := &session{users.Conn}
	if err := in.exec(ctx, "REASSIGN OWNED BY %s TO %s", name, owner); err != nil {
		return err
	}
	if err := in.exec(ctx, "DROP OWNED BY %s", name); err != nil {
		return err
	}
	if err := in.exec(ctx, "DROP ROLE %s", name); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

var loginName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// validLogin refuses names that the server or Souk needs itself.
func validLogin(name string) error {
	reserved := slices.Contains(ownRoles, name) || name == database || name == "public" || name == "none" ||
		strings.HasPrefix(name, "pg_") || strings.HasPrefix(name, "souk_")
	if reserved || !loginName.MatchString(name) {
		return refused(fmt.Sprintf("The log-in name %.70q cannot be used: it must begin with a letter and hold only a-z, 0-9 and _, 63 at most, and some names are reserved.", name))
	}
	return nil
}
