package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/envelope"
	"souk/internal/instance"
)

var (
	//go:embed zone.sql
	zoneSQL string
	//go:embed seed_ids.sql
	seedIDs string
	//go:embed seed_rows.sql
	seedRows string
)

// fewSeeds is up to how many seeds go in under all constraints and triggers.
// More of them are written by the same statements with the triggers off, for
// speed; the benchmark of the audit then checks every chain.
const fewSeeds = 1000

// seed writes n idle instances into the zone `simulated`, whose agent is in the
// epoch, and returns their IDs in the order in which it reported them.
func seed(ctx context.Context, conn *pgx.Conn, keyring *envelope.Keyring, n int, epoch int64) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		set := map[string]string{"bench.n": strconv.Itoa(n), "bench.epoch": strconv.FormatInt(epoch, 10)}
		if n > fewSeeds {
			set["session_replication_role"] = "replica"
		}
		for name, value := range set {
			if _, err := tx.Exec(ctx, "SELECT set_config($1, $2, true)", name, value); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, seedIDs); err != nil {
			return err
		}
		if err := sealPasswords(ctx, tx, keyring); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, seedRows); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT id FROM seeds ORDER BY n")
		if err != nil {
			return err
		}
		ids, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("seed %d instances: %w", n, err)
	}
	_, err1 := conn.Exec(ctx, "VACUUM ANALYZE")
	_, err2 := conn.Exec(ctx, "CHECKPOINT")
	return ids, errors.Join(err1, err2)
}

func sealPasswords(ctx context.Context, tx pgx.Tx, keyring *envelope.Keyring) error {
	rows, err := tx.Query(ctx, "SELECT credential FROM seeds")
	if err != nil {
		return err
	}
	credentials, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	secrets := envelope.New(keyring)
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"sealed"}, []string{"credential", "secret"}, pgx.CopyFromSlice(len(credentials), func(i int) ([]any, error) {
		sealed, err := secrets.Seal(ctx, instance.SecretPlace(credentials[i]), []byte(secret()))
		return []any{credentials[i], sealed}, err
	}))
	return err
}
