package dev

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"souk/internal/pki"
)

// ObjectStore is the S3 service in which the zone keeps backups.
type ObjectStore struct {
	Listen               string // host:port, over TLS
	Bucket               string
	AccessKey, SecretKey string
	CA                   []byte // in PEM; verifies the service
}

// The object store's folders and files, in a folder of its account's own.
const (
	storeFolder  = "objects"
	storeBucket  = "backups"
	storeCert    = "cert.pem"
	storeKey     = "key.pem"
	storeProgram = "objectstore" // in the folder run
)

// prepareObjectStore makes what the object store needs, if its program is there.
// Its data, keys and authority stay the same from then on.
func (l *launch) prepareObjectStore(program string) error {
	if program == "" {
		return nil
	}
	for _, folder := range []string{"data", "meta", filepath.Join("data", storeBucket)} {
		if err := ownFolder(l.folders.path(storeFolder, folder), l.objects, 0o700); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("read the object store's program: %w", err)
	}
	if err := writeFile(l.folders.path("run", storeProgram), text, Account{uint32(os.Geteuid()), uint32(os.Getegid())}, 0o755); err != nil {
		return err
	}
	secret, err := l.secret("objectstore")
	if err != nil {
		return err
	}
	ca, err := l.objectStoreCA()
	if err != nil {
		return err
	}
	l.ObjectStore = &ObjectStore{Bucket: storeBucket, AccessKey: "souk", SecretKey: secret, CA: ca.CertPEM()}
	l.ObjectStore.Listen, err = near(l.port + 3)
	if err != nil {
		return err
	}
	pair, err := ca.IssueServer([]string{"localhost", "127.0.0.1"}, time.Now(), pki.CAValidity)
	if err != nil {
		return err
	}
	return errors.Join(
		writeFile(l.folders.path(storeFolder, storeCert), pair.Cert, l.objects, 0o600),
		writeFile(l.folders.path(storeFolder, storeKey), pair.Key, l.objects, 0o600),
	)
}

// objectStoreCA is the authority that the object store's certificate is of, made
// the first time.
func (l *launch) objectStoreCA() (*pki.CA, error) {
	certFile, keyFile := l.folders.path("secrets", "objectstore-ca.pem"), l.folders.path("secrets", "objectstore-ca.key")
	cert, err := os.ReadFile(certFile)
	if err == nil {
		key, err := os.ReadFile(keyFile)
		if err != nil {
			return nil, fmt.Errorf("read the object store's authority: %w", err)
		}
		return pki.LoadCA(pki.Pair{Cert: cert, Key: key})
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the object store's authority: %w", err)
	}
	ca, err := pki.NewCA("Souk object store", time.Now())
	if err != nil {
		return nil, err
	}
	pair, err := ca.Pair()
	if err != nil {
		return nil, err
	}
	me := Account{uint32(os.Geteuid()), uint32(os.Getegid())}
	if err := writeFile(keyFile, pair.Key, me, 0o600); err != nil {
		return nil, err
	}
	return ca, writeFile(certFile, pair.Cert, me, 0o600)
}

// objectStore is the service itself. The kernel stops it when the launcher dies.
func (l *launch) objectStore() child {
	s := l.ObjectStore
	return child{
		name: "object store", file: storeProgram, noted: true,
		stop: syscall.SIGTERM, force: syscall.SIGKILL, patience: 10 * time.Second,
		command: func() (*exec.Cmd, error) {
			cmd := exec.Command(l.Path("run", storeProgram), "--port", s.Listen, "--quiet", "--disable-acl",
				"--cert", l.Path(storeFolder, storeCert), "--key", l.Path(storeFolder, storeKey),
				"posix", "--sidecar", l.Path(storeFolder, "meta"), l.Path(storeFolder, "data"))
			cmd.Dir = l.Path(storeFolder)
			cmd.Env = []string{"PATH=/usr/bin:/bin", "TZ=UTC", "HOME=" + cmd.Dir, "ROOT_ACCESS_KEY=" + s.AccessKey, "ROOT_SECRET_KEY=" + s.SecretKey}
			cmd.SysProcAttr = l.attributes(l.objects)
			cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
			return cmd, nil
		},
	}
}
