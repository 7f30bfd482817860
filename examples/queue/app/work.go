package main

import (
	"context"
	"errors"
	"log"
	"time"

	"github.com/redis/go-redis/v9"
)

// work moves each body to the list of those that were taken, does it, and only then forgets it. What an earlier
// worker had taken comes first.
func work(ctx context.Context, client *redis.Client) error {
	for ctx.Err() == nil {
		if err := drainOnce(ctx, client); err != nil && ctx.Err() == nil {
			log.Printf("Redis is away: %v", err)
			time.Sleep(pause)
		}
	}
	return nil
}

// drainOnce ends with the first error.
func drainOnce(ctx context.Context, client *redis.Client) error {
	for {
		body, err := client.LIndex(ctx, taken, -1).Result()
		if errors.Is(err, redis.Nil) {
			body, err = client.BLMove(ctx, waiting, taken, "RIGHT", "LEFT", time.Second).Result()
			if errors.Is(err, redis.Nil) {
				continue
			}
		}
		if err != nil {
			return err
		}
		// Where real work would be. Doing it twice must do no harm: an acknowledgement may get lost.
		if err := client.SAdd(ctx, done, body).Err(); err != nil {
			return err
		}
		if err := client.LRem(ctx, taken, -1, body).Err(); err != nil {
			return err
		}
	}
}
