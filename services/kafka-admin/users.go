package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"

	"swarm-platform/services/internal/kafka"
)

// scramIterations is Kafka's minimum and default: passwords that are made by a
// machine gain nothing by more.
const scramIterations = 4096

// readUsers reads a users file. No error of it has any of the file's text.
func readUsers(file string) (map[string]string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("can't read the users file: %w", err)
	}
	var users map[string]string
	if json.Unmarshal(content, &users) != nil || users == nil {
		return nil, fmt.Errorf(`users file %q is not a JSON object of names and passwords, both texts: {"alice": "..."}`, file)
	}
	for name, password := range users {
		if name == "" || password == "" {
			return nil, fmt.Errorf("users file %q has an empty name or password", file)
		}
	}
	return users, nil
}

// chooseUser returns the wanted one, or the first if none is wanted.
func chooseUser(users map[string]string, wanted string) (string, error) {
	names := slices.Sorted(maps.Keys(users))
	if len(names) == 0 {
		return "", errors.New("there is no user to log in as")
	}
	if wanted == "" {
		return names[0], nil
	}
	if _, ok := users[wanted]; !ok {
		return "", fmt.Errorf("user %q is not in the users file, which has %q", wanted, names)
	}
	return wanted, nil
}

// applyUsers sets every password, for a cluster doesn't tell whether it has it
// already, and deletes who is not in the users file.
func (a *applier) applyUsers(ctx context.Context) error {
	present, err := a.admin.DescribeUserSCRAMs(ctx)
	if err != nil {
		return fmt.Errorf("can't list the users: %w", kafka.Plain(err))
	}
	var deletions []kadm.DeleteSCRAM
	for _, user := range present {
		if _, wanted := a.users[user.User]; wanted {
			continue
		}
		for _, credential := range user.CredInfos {
			deletions = append(deletions, kadm.DeleteSCRAM{User: user.User, Mechanism: credential.Mechanism})
		}
	}
	var upserts []kadm.UpsertSCRAM
	for name, password := range a.users {
		upserts = append(upserts, kadm.UpsertSCRAM{User: name, Mechanism: kadm.ScramSha512, Iterations: scramIterations, Password: password})
	}
	if len(deletions)+len(upserts) == 0 {
		return nil
	}
	altered, err := a.admin.AlterUserSCRAMs(ctx, deletions, upserts)
	if err != nil {
		return fmt.Errorf("can't set the users' passwords: %w", kafka.Plain(err))
	}
	var faults []error
	for _, user := range altered.Sorted() {
		if user.Err != nil {
			faults = append(faults, answered("user "+user.User, user.Err, user.ErrMessage))
		} else if _, wanted := a.users[user.User]; wanted {
			a.passwordSet(user.User)
		} else {
			a.did("user %s: deleted", user.User)
		}
	}
	return errors.Join(faults...)
}
