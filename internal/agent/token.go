package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// EnvEnrolTokenFile names the file with the one-time token when the
// configuration does not.
const EnvEnrolTokenFile = "SOUK_ENROL_TOKEN_FILE"

// errNoToken: no place is configured, or nothing is there.
var errNoToken = errors.New("there is no enrolment token")

// tokenFile says where the token is looked for.
func (c Config) tokenFile() string {
	if c.EnrolTokenFile != "" {
		return c.EnrolTokenFile
	}
	return os.Getenv(EnvEnrolTokenFile)
}

// tokenReader reads the one-time token; standard input only once.
type tokenReader struct {
	file  string
	stdin io.Reader
	once  string
}

func (t *tokenReader) read() (string, error) {
	if t.file == "" {
		return "", errNoToken
	}
	if t.file != "-" {
		text, err := os.ReadFile(t.file)
		return cleanToken(text, err)
	}
	if t.once != "" || t.stdin == nil {
		return cleanToken([]byte(t.once), nil)
	}
	token, err := cleanToken(io.ReadAll(io.LimitReader(t.stdin, 4<<10)))
	t.once, t.stdin = token, nil
	return token, err
}

func cleanToken(text []byte, err error) (string, error) {
	if errors.Is(err, os.ErrNotExist) {
		return "", errNoToken
	}
	if err != nil {
		return "", fmt.Errorf("read the enrolment token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", errNoToken
	}
	return token, nil
}

// place says, for people, where a token belongs.
func (t *tokenReader) place() string {
	switch t.file {
	case "":
		return "a file that enrolTokenFile in the agent's configuration names"
	case "-":
		return "the agent's standard input"
	}
	return t.file
}
