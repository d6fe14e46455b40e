package driver

import "strings"

// Unusable says in plain words that a place for backups cannot be used, by what the
// program that tried said of it.
func (p *BackupPlace) Unusable(said string, err error) *BlockedError {
	if strings.Contains(strings.ToLower(said), "no space left on device") {
		return &BlockedError{Message: "A disk is full: either the instance's, or that of the place for backups. The zone's operator has to act.", BlockedBy: "operator", Err: err}
	}
	if p.OwnID() == "" {
		return &BlockedError{Message: "The zone's place for backups cannot be used at the moment. It is tried again; if this goes on, the zone's operator has to act.", BlockedBy: "operator", Err: err}
	}
	return &BlockedError{Message: "Your bucket " + p.Bucket + " at " + p.Endpoint + " cannot be used for backups: " + refusal(said) + " It is tried again.", BlockedBy: "you", Err: err}
}

// refusal is what an S3 service means by what is repeated of its answer.
func refusal(said string) string {
	for _, r := range []struct{ sign, means string }{
		{"NoSuchBucket", "it is not there any more. Make it again, or have the backups kept elsewhere."},
		{"bucket does not exist", "it is not there any more. Make it again, or have the backups kept elsewhere."},
		{"InvalidAccessKeyId", "its service does not know the access key any more. Give the backups a bucket with another one."},
		{"SignatureDoesNotMatch", "its service refuses the secret key. Give the backups a bucket with another one."},
		{"AccessDenied", "its service refuses the access key. Allow it to read, write and delete there again."},
		{"Access Denied", "its service refuses the access key. Allow it to read, write and delete there again."},
		{"failed with 403", "its service refuses the access key. Allow it to read, write and delete there again."},
		{"403 Forbidden", "its service refuses the access key. Allow it to read, write and delete there again."},
		{"failed with 404", "it is not there any more. Make it again, or have the backups kept elsewhere."},
		{"certificate", "the certificate of its service cannot be verified."},
		{"QuotaExceeded", "it is full. Make room there."},
	} {
		if strings.Contains(said, r.sign) {
			return r.means
		}
	}
	return "its service does not answer, or not as it should."
}
