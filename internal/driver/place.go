package driver

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
)

// BackupPlace is where a zone keeps backups: a bucket of an S3 service over TLS.
type BackupPlace struct {
	Endpoint  string // host that the certificate names
	Port      int
	Bucket    string
	Region    string
	AccessKey string
	SecretKey string
	CAPEM     string // that verifies the service
}

// BackupConfig is the section `driver.backups` of an agent's configuration: a bucket
// of an S3 service.
type BackupConfig struct {
	// Endpoint is the service's host, which its certificate names, and Port its
	// port; 443 when 0.
	Endpoint string `json:"endpoint"`
	Port     int    `json:"port,omitempty"`
	Bucket   string `json:"bucket"`
	Region   string `json:"region"`
	// AccessKey and the secret key in SecretKeyFile may read, write and delete in
	// the bucket.
	AccessKey     string `json:"accessKey"`
	SecretKeyFile string `json:"secretKeyFile"`
	// CAFile verifies the service; absent: the authorities that the machine trusts.
	CAFile string `json:"caFile,omitempty"`
}

// machineCAs are the authorities that Debian trusts.
const machineCAs = "/etc/ssl/certs/ca-certificates.crt"

// Place reads what is in files; nil where there is no section.
func (c *BackupConfig) Place() (*BackupPlace, error) {
	if c == nil {
		return nil, nil
	}
	if c.Endpoint == "" || c.Bucket == "" || c.Region == "" || c.AccessKey == "" || c.SecretKeyFile == "" {
		return nil, errors.New("the section driver.backups needs endpoint, bucket, region, accessKey and secretKeyFile")
	}
	secret, err := os.ReadFile(c.SecretKeyFile)
	if err != nil {
		return nil, fmt.Errorf("driver.backups.secretKeyFile: %w", err)
	}
	ca, err := os.ReadFile(cmp.Or(c.CAFile, machineCAs))
	if err != nil {
		return nil, fmt.Errorf("driver.backups.caFile: %w", err)
	}
	return &BackupPlace{Endpoint: c.Endpoint, Port: cmp.Or(c.Port, 443), Bucket: c.Bucket, Region: c.Region,
		AccessKey: c.AccessKey, SecretKey: strings.TrimSpace(string(secret)), CAPEM: string(ca)}, nil
}
