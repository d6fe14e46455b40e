package driver

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
)

// BackupPlace is where backups are kept: a bucket of an S3 service over TLS. It holds
// secrets: it is never written to a log.
type BackupPlace struct {
	// ID tells a bucket of the customer's from others; "" is the zone's own.
	ID        string `json:"id,omitempty"`
	Endpoint  string `json:"endpoint"` // host that the certificate names
	Port      int    `json:"port"`
	Bucket    string `json:"bucket"`
	Prefix    string `json:"prefix,omitempty"` // of all keys, without a slash at either end
	Region    string `json:"region"`
	AccessKey string `json:"accessKey"`
	SecretKey string `json:"secretKey"`
	CAPEM     string `json:"caPEM,omitempty"` // that verifies the service; "": what the machine trusts
}

// Folder is what the keys of an instance's backups begin with, without a slash at
// either end.
func (p *BackupPlace) Folder(instance string) string { return path.Join(p.Prefix, instance) }

// OwnID is the ID of a bucket of the customer's, and "" for the zone's own place.
func (p *BackupPlace) OwnID() string {
	if p == nil {
		return ""
	}
	return p.ID
}

// Verified is the place with the authorities that verify its service: those that the
// machine trusts where it names none.
func (p *BackupPlace) Verified() (*BackupPlace, error) {
	if p.CAPEM != "" {
		return p, nil
	}
	trusted, err := os.ReadFile(machineCAs)
	if err != nil {
		return nil, fmt.Errorf("read the authorities that this machine trusts: %w", err)
	}
	verified := *p
	verified.CAPEM = string(trusted)
	return &verified, nil
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
