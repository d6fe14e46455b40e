package tenancy

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"souk/api"
)

const (
	issuer       = "Souk"
	totpSecret   = 20 // bytes, as RFC 4226 recommends
	totpPeriod   = 30 // seconds
	recoverCodes = 10
)

func newTOTPKey(email string) (api.TOTPKey, error) {
	secret := make([]byte, totpSecret)
	rand.Read(secret) // never fails
	return totpKey(email, base32.StdEncoding.EncodeToString(secret))
}

// totpKey returns the secret in all forms that devices take it in.
func totpKey(email, secret string) (api.TOTPKey, error) {
	raw, err := base32.StdEncoding.DecodeString(secret)
	if err != nil {
		return api.TOTPKey{}, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: email, Secret: raw, Period: totpPeriod})
	if err != nil {
		return api.TOTPKey{}, err
	}
	code, err := key.Image(240, 240)
	if err != nil {
		return api.TOTPKey{}, err
	}
	qr, err := framed(code, 24)
	return api.TOTPKey{Secret: secret, URI: key.URL(), QR: qr}, err
}

// framed returns the image as PNG with a white frame: readers need one, also on
// a dark page.
func framed(code image.Image, frame int) ([]byte, error) {
	b := code.Bounds()
	canvas := image.NewPaletted(image.Rect(0, 0, b.Dx()+2*frame, b.Dy()+2*frame), color.Palette{color.White, color.Black})
	draw.Draw(canvas, b.Add(image.Pt(frame, frame)), code, b.Min, draw.Src)
	var out bytes.Buffer
	err := png.Encode(&out, canvas)
	return out.Bytes(), err
}

// matchingStep returns the half minute that the code is of: the present one, or
// one before or after it where the device's clock is off; none up to last, so
// that a code is taken once.
func matchingStep(secret, code string, now time.Time, last int64) (int64, bool) {
	typed := []byte(strings.Join(strings.Fields(code), ""))
	present := now.Unix() / totpPeriod
	for step := max(present-1, last+1); step <= present+1; step++ {
		want, err := totp.GenerateCode(secret, time.Unix(step*totpPeriod, 0))
		if err == nil && subtle.ConstantTimeCompare(typed, []byte(want)) == 1 {
			return step, true
		}
	}
	return 0, false
}

// newRecoveryCodes returns what stands in for a device that is lost: each has 80
// random bits, "h2kq-7xnd-p4vm-t3ay". Only their hashes are kept.
func newRecoveryCodes() []string {
	codes := make([]string, recoverCodes)
	for i := range codes {
		bits := make([]byte, 10)
		rand.Read(bits) // never fails
		text := strings.ToLower(base32.StdEncoding.EncodeToString(bits))
		codes[i] = text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
	}
	return codes
}

// hashRecoveryCode takes the code however it was typed.
func hashRecoveryCode(typed string) []byte {
	return hashSecret("recovery code " + strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(typed)))
}
