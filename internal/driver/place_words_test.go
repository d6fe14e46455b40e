package driver

import (
	"errors"
	"strings"
	"testing"
)

func TestWhyAPlaceCannotBeUsed(t *testing.T) {
	zone, own := &BackupPlace{Bucket: "zone-1"}, &BackupPlace{ID: "1", Bucket: "ours", Endpoint: "s3.example.com", SecretKey: "a-secret"}
	for _, c := range []struct {
		place     *BackupPlace
		said      string
		says, who string
	}{
		{nil, "anything", "The zone's place", "operator"},
		{zone, "HTTP request failed with 403 (Forbidden)", "The zone's place", "operator"},
		{own, "write: no space left on device", "disk is full", "operator"},
		{own, "HTTP request failed with 404 (Not Found):\n<Code>NoSuchBucket</Code>", "not there any more", "you"},
		{own, "HTTP request failed with 403 (Forbidden):\n<Code>AccessDenied</Code>", "refuses the access key", "you"},
		{own, "<Code>InvalidAccessKeyId</Code>", "does not know the access key", "you"},
		{own, "x509: certificate signed by unknown authority", "cannot be verified", "you"},
		{own, "connection refused", "does not answer", "you"},
	} {
		got := c.place.Unusable(c.said, errors.New("cause"))
		if !strings.Contains(got.Message, c.says) || got.BlockedBy != c.who || got.Permanent || strings.Contains(got.Message, "a-secret") {
			t.Errorf("%q: %+v", c.said, got)
		}
	}
}
