package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const tables = `
create table if not exists entries (id bigint generated always as identity primary key, name text not null, text text not null);
create table if not exists loads (name text primary key, at timestamptz not null default now());
`

// load does all or nothing, and once it came to its end it does nothing more: an entry that was taken out stays out.
func load(ctx context.Context, pool *pgxpool.Pool) error {
	text, err := files.ReadFile("entries.json")
	if err != nil {
		return err
	}
	var first []entry
	if err := json.Unmarshal(text, &first); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, tables); err != nil {
			return err
		}
		mark, err := tx.Exec(ctx, "insert into loads (name) values ('entries') on conflict do nothing")
		if err != nil {
			return err
		}
		if mark.RowsAffected() == 0 {
			fmt.Println("loaded before: nothing to do")
			return nil
		}
		for _, one := range first {
			if _, err := tx.Exec(ctx, "insert into entries (name, text) values ($1, $2)", one.Name, one.Text); err != nil {
				return err
			}
		}
		fmt.Printf("loaded %d entries\n", len(first))
		return nil
	})
}
