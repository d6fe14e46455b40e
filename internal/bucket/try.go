package bucket

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/aws/smithy-go"

	"souk/internal/driver"
)

// tryWithin is how long a bucket may take to be tried.
const tryWithin = 20 * time.Second

// Wrong is what stands in the way of keeping backups in a customer's bucket.
type Wrong struct {
	Field   string // of the bucket: endpoint, region, bucket, accessKey, secretKey or ca
	Message string // in plain words
	err     error
}

func (w *Wrong) Error() string { return w.Message }

// Unwrap returns the cause.
func (w *Wrong) Unwrap() error { return w.err }

// Try writes a small object into a customer's bucket, reads it and deletes it. Unless
// private is set the service has to have a public address. What is wrong is a Wrong.
func Try(ctx context.Context, place *driver.BackupPlace, private bool) error {
	ctx, cancel := context.WithTimeout(ctx, tryWithin)
	defer cancel()
	place, err := place.Verified()
	if err != nil {
		return err
	}
	b, err := open(place, private)
	if err != nil {
		return err
	}
	key, content := place.Folder("souk-try-"+rand.Text()), []byte("Souk tries whether backups can be kept here.\n")
	for _, step := range []struct {
		doing string
		do    func() error
	}{
		{"written to", func() error { return b.Put(ctx, key, content) }},
		{"listed", func() error { return b.List(ctx, key, func(Object) bool { return false }) }},
		{"read from", func() error {
			got, err := b.Get(ctx, key)
			if err == nil && string(got) != string(content) {
				err = errors.New("another content was read than was written")
			}
			return err
		}},
		{"deleted from", func() error { return b.Delete(ctx, key) }},
	} {
		if err := step.do(); err != nil {
			return wrong(step.doing, err)
		}
	}
	return nil
}

// wrong names the field that is to blame.
func wrong(doing string, err error) *Wrong {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch code := api.ErrorCode(); code {
		case "NoSuchBucket":
			return &Wrong{"bucket", "The service has no such bucket, or it belongs to another region.", err}
		case "InvalidAccessKeyId", "XAdminUserNotFound": // the second is versitygw's
			return &Wrong{"accessKey", "The service does not know this access key.", err}
		case "SignatureDoesNotMatch":
			return &Wrong{"secretKey", "The service refuses the secret key: it does not belong to the access key.", err}
		case "AccessDenied", "Forbidden", "AllAccessDisabled":
			return &Wrong{"accessKey", fmt.Sprintf("The bucket cannot be %s by this access key: the service denies it. It has to be allowed to list, read, write and delete there.", doing), err}
		case "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException":
			return &Wrong{"region", "The bucket belongs to another region.", err}
		default:
			return &Wrong{"bucket", fmt.Sprintf("The bucket cannot be %s: the service answers that something is wrong with the request (%.60s).", doing, code), err}
		}
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return &Wrong{"endpoint", "There is no host of this name, as seen from the zone.", err}
	}
	if errors.Is(err, errPrivate) {
		return &Wrong{"endpoint", "This host has no public address. The zone's operator has to allow buckets in private networks.", err}
	}
	for _, is := range []bool{isA[x509.UnknownAuthorityError](err), isA[x509.HostnameError](err), isA[x509.CertificateInvalidError](err)} {
		if is {
			return &Wrong{"ca", "The certificate of the service cannot be verified. Give the authority's certificate, or a host that the certificate names.", err}
		}
	}
	return &Wrong{"endpoint", "The service cannot be reached from the zone, or is no S3 service over TLS.", err}
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

var errPrivate = errors.New("the address is not public")

// publicOnly refuses to connect to addresses within the zone.
func publicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := at.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || sharedSpace.Contains(ip) {
		return errPrivate
	}
	return nil
}

// sharedSpace is what providers use within their networks (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
