package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// load leaves alone what is there, and once it came to its end it does nothing more: an article that was
// taken out stays out.
func load(ctx context.Context, articles *mongo.Collection) error {
	loads := articles.Database().Collection("loads")
	mark := bson.D{{Key: "_id", Value: articles.Name()}}
	switch err := loads.FindOne(ctx, mark).Err(); {
	case err == nil:
		fmt.Println("loaded before: nothing to do")
		return nil
	case !errors.Is(err, mongo.ErrNoDocuments):
		return err
	}
	text, err := files.ReadFile("articles.json")
	if err != nil {
		return err
	}
	var first []article
	if err := json.Unmarshal(text, &first); err != nil {
		return err
	}
	for _, one := range first {
		fields := bson.D{{Key: "title", Value: one.Title}, {Key: "tags", Value: one.Tags}, {Key: "text", Value: one.Text}}
		_, err := articles.UpdateByID(ctx, one.Slug, bson.D{{Key: "$setOnInsert", Value: fields}}, options.UpdateOne().SetUpsert(true))
		if err != nil {
			return err
		}
	}
	if _, err := loads.InsertOne(ctx, append(mark, bson.E{Key: "at", Value: time.Now()})); err != nil {
		return err
	}
	fmt.Printf("loaded %d articles\n", len(first))
	return nil
}
