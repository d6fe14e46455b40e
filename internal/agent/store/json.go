package store

import (
	"bytes"
	"encoding/json"
)

// unmarshalExact keeps numbers of unknown size as they were written.
func unmarshalExact(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}
