package envelope

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func newKeyring(t *testing.T) (*Keyring, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyring.json")
	k, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return k, path
}

func seal(t *testing.T, e *Envelope, sealContext, secret string) []byte {
	t.Helper()
	sealed, err := e.Seal(t.Context(), sealContext, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestOpensInItsOwnContextOnly(t *testing.T) {
	k, _ := newKeyring(t)
	e := New(k)
	sealed := seal(t, e, "credentials/1", "s3cret")
	if bytes.Contains(sealed, []byte("s3cret")) {
		t.Error("the secret can be read in the sealed value")
	}
	if got, err := e.Open(t.Context(), "credentials/1", sealed); err != nil || string(got) != "s3cret" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := e.Open(t.Context(), "credentials/2", sealed); !errors.Is(err, ErrDamaged) {
		t.Errorf("in another context: got %v, want ErrDamaged", err)
	}
}

func TestSealingTwiceGivesTwoValues(t *testing.T) {
	k, _ := newKeyring(t)
	e := New(k)
	if bytes.Equal(seal(t, e, "c", "same"), seal(t, e, "c", "same")) {
		t.Error("equal secrets give equal values: one can tell that they are equal")
	}
}

// Every change of any one byte, and every shorter value, is noticed.
func TestDamageIsNoticed(t *testing.T) {
	k, _ := newKeyring(t)
	e := New(k)
	sealed := seal(t, e, "c", "secret")
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x40
		if _, err := e.Open(t.Context(), "c", bad); err == nil {
			t.Errorf("byte %d changed: it opens", i)
		}
		if _, err := e.Open(t.Context(), "c", sealed[:i]); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d bytes: got %v, want ErrDamaged", i, err)
		}
	}
}

func TestRotation(t *testing.T) {
	k, path := newKeyring(t)
	e := New(k)
	old := seal(t, e, "c", "secret")
	if err := k.Rotate(); err != nil {
		t.Fatal(err)
	}
	moved, changed, err := e.Rewrap(t.Context(), "c", old)
	if err != nil || !changed {
		t.Fatalf("rewrap: changed %v, %v", changed, err)
	}
	before, _ := decode(old)
	after, _ := decode(moved)
	if before.version != 1 || after.version != 2 {
		t.Errorf("key version went from %d to %d, want 1 to 2", before.version, after.version)
	}
	if !bytes.Equal(before.body, after.body) {
		t.Error("rewrapping touched the data")
	}
	if _, changed, err = e.Rewrap(t.Context(), "c", moved); err != nil || changed {
		t.Errorf("rewrapping again: changed %v, %v; want nothing to do", changed, err)
	}
	if _, _, err = e.Rewrap(t.Context(), "other", old); !errors.Is(err, ErrDamaged) {
		t.Errorf("rewrapping in another context: got %v, want ErrDamaged", err)
	}
	again, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, sealed := range [][]byte{old, moved} {
		if got, err := New(again).Open(t.Context(), "c", sealed); err != nil || string(got) != "secret" {
			t.Errorf("after loading the keyring again: got %q, %v", got, err)
		}
	}
}

func TestKeyAddedByAnotherProcessIsFound(t *testing.T) {
	k, path := newKeyring(t)
	other, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Rotate(); err != nil {
		t.Fatal(err)
	}
	sealed := seal(t, New(other), "c", "secret")
	if got, err := New(k).Open(t.Context(), "c", sealed); err != nil || string(got) != "secret" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestMissingKeyIsNamed(t *testing.T) {
	k, _ := newKeyring(t)
	if err := k.Rotate(); err != nil {
		t.Fatal(err)
	}
	sealed := seal(t, New(k), "c", "secret")
	stranger, _ := newKeyring(t)
	var unknown *UnknownKeyError
	if _, err := New(stranger).Open(t.Context(), "c", sealed); !errors.As(err, &unknown) || unknown.Version != 2 {
		t.Errorf("got %v, want an UnknownKeyError for version 2", err)
	}
}

func TestCreateKeepsWhatIsThere(t *testing.T) {
	_, path := newKeyring(t)
	before, _ := os.ReadFile(path)
	if _, err := Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the keyring was overwritten")
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o, want 0600", info.Mode().Perm())
	}
}

func TestLoadRefuses(t *testing.T) {
	key := strings.Repeat("A", 43) + "="
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"a file others can read", `{"current":1,"keys":{"1":"` + key + `"}}`, 0o640, "can be read by others"},
		{"no JSON", `keys!`, 0o600, "damaged"},
		{"no keys", `{"current":1,"keys":{}}`, 0o600, "current key 1 is not in it"},
		{"a current key that is not there", `{"current":2,"keys":{"1":"` + key + `"}}`, 0o600, "current key 2 is not in it"},
		{"a short key", `{"current":1,"keys":{"1":"c2hvcnQ="}}`, 0o600, "key 1 is not one of 32 bytes"},
		{"version 0", `{"current":0,"keys":{"0":"` + key + `"}}`, 0o600, "key 0 is not"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keyring.json")
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v, want fs.ErrNotExist", err)
	}
}

func TestAnySecretInAnyContext(t *testing.T) {
	k, _ := newKeyring(t)
	e := New(k)
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOf(rapid.Byte()).Draw(t, "secret")
		sealContext := rapid.String().Draw(t, "context")
		sealed, err := e.Seal(context.Background(), sealContext, secret)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Open(context.Background(), sealContext, sealed)
		if err != nil || !bytes.Equal(got, secret) {
			t.Fatalf("got %x, %v; want %x", got, err, secret)
		}
	})
}

func FuzzDecode(f *testing.F) {
	whole, _ := encode(parts{7, []byte("wrapped"), make([]byte, bodyMin)})
	for _, seed := range [][]byte{nil, {1}, whole, whole[:len(whole)-1], {1, 0, 0, 0, 1, 0xff, 0xff}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sealed []byte) {
		p, err := decode(sealed)
		if err != nil {
			return
		}
		again, err := encode(p)
		if err != nil || !bytes.Equal(again, sealed) {
			t.Errorf("%s decodes but encodes as %s, %v", hex.EncodeToString(sealed), hex.EncodeToString(again), err)
		}
	})
}

func FuzzKeyring(f *testing.F) {
	f.Add([]byte(`{"current":1,"keys":{"1":"` + strings.Repeat("A", 43) + `="}}`))
	f.Add([]byte(`{"keys":{"-1":""}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parse(text)
		if err == nil && len(file.Keys[file.Current]) != dataKeySize {
			t.Error("accepted a keyring without a current key")
		}
	})
}
