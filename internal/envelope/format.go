package envelope

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// A sealed value, integers big-endian:
//
//	1 byte   format, 1
//	4 bytes  version of the key that wraps the data key
//	2 bytes  length of the wrapped data key
//	…        wrapped data key
//	…        12 bytes nonce, AES-256-GCM ciphertext, 16 bytes tag
const (
	format     = 1
	headerSize = 1 + 4 + 2
	bodyMin    = 12 + 16
)

// parts of a sealed value.
type parts struct {
	version uint32
	wrapped []byte
	body    []byte
}

func encode(p parts) ([]byte, error) {
	if len(p.wrapped) > math.MaxUint16 {
		return nil, fmt.Errorf("the key service wraps a key into %d bytes, more than fit", len(p.wrapped))
	}
	sealed := make([]byte, 0, headerSize+len(p.wrapped)+len(p.body))
	sealed = append(sealed, format)
	sealed = binary.BigEndian.AppendUint32(sealed, p.version)
	sealed = binary.BigEndian.AppendUint16(sealed, uint16(len(p.wrapped)))
	return slices.Concat(sealed, p.wrapped, p.body), nil
}

// decode takes a sealed value apart without copying it.
func decode(sealed []byte) (parts, error) {
	if len(sealed) < headerSize || sealed[0] != format {
		return parts{}, ErrDamaged
	}
	n := int(binary.BigEndian.Uint16(sealed[5:]))
	rest := sealed[headerSize:]
	if len(rest) < n+bodyMin {
		return parts{}, ErrDamaged
	}
	return parts{
		version: binary.BigEndian.Uint32(sealed[1:]),
		wrapped: rest[:n:n],
		body:    rest[n:],
	}, nil
}
