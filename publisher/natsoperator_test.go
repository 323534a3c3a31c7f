package publisher_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// nkey is a NATS key: Ed25519, with its kind.
type nkey struct {
	kind    byte
	private ed25519.PrivateKey
}

// Kinds of keys, as NATS writes them.
const (
	operatorKey byte = 14 << 3
	accountKey  byte = 0
	userKey     byte = 20 << 3
	seedKey     byte = 18 << 3
)

func newNKey(t *testing.T, kind byte) nkey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return nkey{kind, private}
}

func (k nkey) public() string {
	return encoded(append([]byte{k.kind}, k.private.Public().(ed25519.PublicKey)...))
}

func (k nkey) seed() string {
	return encoded(append([]byte{seedKey | k.kind>>5, k.kind & 31 << 3}, k.private.Seed()...))
}

// encoded appends the checksum, CRC-16/XMODEM.
func encoded(raw []byte) string {
	var crc uint16
	for _, b := range raw {
		crc ^= uint16(b) << 8
		for range 8 {
			high := crc&0x8000 != 0
			crc <<= 1
			if high {
				crc ^= 0x1021
			}
		}
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(binary.LittleEndian.AppendUint16(raw, crc))
}

// signs makes a JWT that k signs; nothing in nats makes it one without rights.
func (k nkey) signs(t *testing.T, kind, subject string, lifetime time.Duration, nats map[string]any) string {
	t.Helper()
	nats["type"], nats["version"] = kind, 2
	claims, err := json.Marshal(map[string]any{
		"jti": rand.Text(), "iat": time.Now().Unix(), "exp": time.Now().Add(lifetime).Unix(),
		"iss": k.public(), "sub": subject, "name": kind, "nats": nats,
	})
	if err != nil {
		t.Fatal(err)
	}
	part := base64.RawURLEncoding.EncodeToString
	text := part([]byte(`{"typ":"JWT","alg":"ed25519-nkey"}`)) + "." + part(claims)
	return text + "." + part(ed25519.Sign(k.private, []byte(text)))
}

// operator runs a NATS whose users are in JWTs.
type operator struct {
	t                     *testing.T
	key, system, accounts nkey
	user                  nkey
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	return &operator{t, newNKey(t, operatorKey), newNKey(t, accountKey), newNKey(t, accountKey), newNKey(t, userKey)}
}

// conf is the text of nats.conf.
func (o *operator) conf() string {
	plain := map[string]any{
		"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
	}
	limits := maps.Clone(plain)
	maps.Copy(limits, map[string]any{"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1})
	return fmt.Sprintf("jetstream: enabled\noperator: %s\nsystem_account: %[2]s\nresolver: MEMORY\n"+
		"resolver_preload: {\n  %[2]s: %s\n  %s: %s\n}\n",
		o.key.signs(o.t, "operator", o.key.public(), time.Hour, map[string]any{}),
		o.system.public(), o.key.signs(o.t, "account", o.system.public(), time.Hour, map[string]any{"limits": plain}),
		o.accounts.public(), o.key.signs(o.t, "account",
			o.accounts.public(), time.Hour, map[string]any{"limits": limits}))
}

// write writes a credentials file for so long, in place of the one before.
func (o *operator) write(file string, lifetime time.Duration) {
	o.t.Helper()
	jwt := o.accounts.signs(o.t, "user",
		o.user.public(), lifetime, map[string]any{"subs": -1, "data": -1, "payload": -1})
	text := fmt.Sprintf("-----BEGIN NATS USER JWT-----\n%s\n------END NATS USER JWT------\n\n"+
		"-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n", jwt, o.user.seed())
	err := os.WriteFile(file+".new", []byte(text), 0o600)
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		o.t.Error(err)
	}
}

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: rand.Text()}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err == nil {
		a.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// issue makes a certificate for a host or a client.
func (a *authority) issue(name string) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotAfter:    time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// files makes a certificate for a server, and the configuration that names it and its authority.
func (a *authority) files(name string) string {
	a.t.Helper()
	issued := a.issue(name)
	key, err := x509.MarshalPKCS8PrivateKey(issued.PrivateKey)
	if err != nil {
		a.t.Fatal(err)
	}
	dir := a.t.TempDir()
	at := func(file string, block pem.Block) string {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, pem.EncodeToMemory(&block), 0o600); err != nil {
			a.t.Fatal(err)
		}
		return strconv.Quote(path)
	}
	return "cert_file: " + at("cert.pem", pem.Block{Type: "CERTIFICATE", Bytes: issued.Certificate[0]}) +
		", key_file: " + at("key.pem", pem.Block{Type: "PRIVATE KEY", Bytes: key}) +
		", ca_file: " + at("ca.pem", pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}
