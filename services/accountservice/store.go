package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
)

const (
	firstAccount   = 10000
	seededAccounts = 100
)

var bucketName = []byte("accounts")

// account is what the store holds under its id, encoded as it is answered.
type account struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type store struct{ db *bbolt.DB }

// openStore opens an empty store in dir.
func openStore(dir string) (_ *store, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("can't create the account store in %q: %w: make the folder writable (a tmpfs, if the root is read-only) or set DATA_DIR", dir, err)
		}
	}()
	file, err := os.CreateTemp(dir, "accounts-*.db")
	if err != nil {
		return nil, err
	}
	// The open store keeps the file's content; without a name it is gone with
	// the process, however that ends. For the same reason nothing is synced.
	defer os.Remove(file.Name())
	if err := file.Close(); err != nil {
		return nil, err
	}
	db, err := bbolt.Open(file.Name(), 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true, NoFreelistSync: true})
	if err != nil {
		return nil, err
	}
	return &store{db}, nil
}

func (s *store) seed() error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(bucketName)
		if err != nil {
			return err
		}
		for i := range seededAccounts {
			a := account{ID: strconv.Itoa(firstAccount + i), Name: "Person_" + strconv.Itoa(i)}
			encoded, err := json.Marshal(a)
			if err != nil {
				return err
			}
			if err := bucket.Put([]byte(a.ID), encoded); err != nil {
				return err
			}
		}
		return nil
	})
}

// get returns the account as encoded JSON that the caller owns, nil if there
// is none with this id.
func (s *store) get(id string) (encoded []byte, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(bucketName)
		if bucket == nil {
			return errors.New("the store was not seeded")
		}
		if found := bucket.Get([]byte(id)); found != nil {
			encoded = append(make([]byte, 0, len(found)), found...)
		}
		return nil
	})
	return encoded, err
}

func (s *store) close() error { return s.db.Close() }
