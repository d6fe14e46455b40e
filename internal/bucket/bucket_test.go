package bucket

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"souk/test/objectstore"
)

func keys(t *testing.T, b *Bucket, prefix string) (all []string) {
	t.Helper()
	err := b.List(t.Context(), prefix, func(o Object) bool {
		all = append(all, o.Key)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestObjectsAreWrittenListedAndDeleted(t *testing.T) {
	store := objectstore.New(t)
	b, err := Open(store.Place)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := b.Put(t.Context(), fmt.Sprintf("a/%d", i), []byte("text")); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Put(t.Context(), "b/0", []byte("other")); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, b, "a/"); !slices.Equal(got, []string{"a/0", "a/1", "a/2"}) {
		t.Errorf("below a/ there is %v", got)
	}
	if got, err := b.Get(t.Context(), "a/1"); err != nil || string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := b.Get(t.Context(), "a/9"); !errors.Is(err, ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	if err := b.Delete(t.Context(), "a/1", "a/9"); err != nil {
		t.Error(err)
	}
	if err := b.DeleteAll(t.Context(), "a/"); err != nil {
		t.Error(err)
	}
	if err := b.DeleteAll(t.Context(), "a/"); err != nil {
		t.Errorf("again: %v", err)
	}
	if got := keys(t, b, ""); !slices.Equal(got, []string{"b/0"}) {
		t.Errorf("there is left %v", got)
	}
}

func TestABucketThatIsAwayOrRefusesIsAnError(t *testing.T) {
	store := objectstore.New(t)
	wrong := *store.Place
	wrong.SecretKey = "a-guess"
	b, err := Open(&wrong)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), "a"); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("with a wrong key: %v", err)
	}
	if b, err = Open(store.Place); err != nil {
		t.Fatal(err)
	}
	store.Stop()
	if err := b.List(t.Context(), "", func(Object) bool { return true }); err == nil {
		t.Error("with nobody there, nothing is wrong")
	}
	if _, err := Open(&wrong); err != nil {
		t.Error(err)
	}
	wrong.CAPEM = "none"
	if _, err := Open(&wrong); err == nil {
		t.Error("without an authority it is opened")
	}
}
