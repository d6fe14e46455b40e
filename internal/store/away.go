package store

import (
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
)

// Away tells whether the error means that the record could not be reached, or
// was lost in the middle. Whether a commit that was under way came through is
// then not known.
func Away(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) && !network.Timeout() {
		return true
	}
	for _, lost := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, puddle.ErrClosedPool} {
		if errors.Is(err, lost) {
			return true
		}
	}
	switch code := ErrorCode(err); code {
	case "57P01", "57P02", "57P03", "53300": // it shuts down, crashed, starts up; too many connections
		return true
	default:
		return strings.HasPrefix(code, "08")
	}
}
