package bucket_test

import (
	"errors"
	"testing"

	"souk/internal/bucket"
	"souk/internal/driver"
	"souk/test/objectstore"
)

func TestACustomersBucketIsTried(t *testing.T) {
	store := objectstore.New(t)
	good := *store.Place
	good.Prefix = "of/ours"
	if err := bucket.Try(t.Context(), &good, true); err != nil {
		t.Fatalf("one that works: %v", err)
	}
	b, err := bucket.Open(&good)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.List(t.Context(), "", func(o bucket.Object) bool {
		t.Errorf("%s is left", o.Key)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field  string
		change func(p *driver.BackupPlace)
	}{
		{"bucket", func(p *driver.BackupPlace) { p.Bucket = "nothing-there" }},
		{"accessKey", func(p *driver.BackupPlace) { p.AccessKey = "nobody" }},
		{"secretKey", func(p *driver.BackupPlace) { p.SecretKey = "another" }},
		{"endpoint", func(p *driver.BackupPlace) { p.Port = 1 }},
		{"endpoint", func(p *driver.BackupPlace) { p.Endpoint = "nowhere.invalid" }},
		{"ca", func(p *driver.BackupPlace) { p.CAPEM = "" }},
	} {
		place := good
		c.change(&place)
		err := bucket.Try(t.Context(), &place, true)
		var wrong *bucket.Wrong
		if !errors.As(err, &wrong) || wrong.Field != c.field || wrong.Message == "" {
			t.Errorf("%s: %v", c.field, err)
		}
	}
	err = bucket.Try(t.Context(), &good, false)
	var wrong *bucket.Wrong
	if !errors.As(err, &wrong) || wrong.Field != "endpoint" {
		t.Errorf("at a private address: %v", err)
	}
}
