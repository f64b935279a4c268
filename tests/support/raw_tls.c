#include "support/raw_tls.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct raw_tls {
	SSL_CTX *context;
	char ca[64];
	pthread_mutex_t lock;
	char sni[256];
};

struct raw_stream {
	SSL *ssl;
};

static void check(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "raw tls: %s\n", what);
	abort();
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	check(extension && X509_add_ext(certificate, extension, -1), value);
	X509_EXTENSION_free(extension);
}

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *name;

	check(certificate != NULL, "certificate");
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	X509_set_pubkey(certificate, key);
	name = X509_get_subject_name(certificate);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)"raw server", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(
		certificate, NID_subject_alt_name, "DNS:localhost,DNS:edge.example,IP:127.0.0.1");
	check(X509_sign(certificate, key, EVP_sha256()) > 0, "sign");
	return certificate;
}

static void write_ca(struct raw_tls *tls, X509 *certificate)
{
	FILE *file;
	int fd;

	snprintf(tls->ca, sizeof(tls->ca), "/tmp/raw-server-XXXXXX");
	fd = mkstemp(tls->ca);
	check(fd >= 0, "mkstemp");
	file = fdopen(fd, "w");
	check(file && PEM_write_X509(file, certificate), "PEM");
	fclose(file);
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct raw_tls *tls = arg;

	(void)alert;
	pthread_mutex_lock(&tls->lock);
	snprintf(tls->sni, sizeof(tls->sni), "%s", name ? name : "");
	pthread_mutex_unlock(&tls->lock);
	return SSL_TLSEXT_ERR_OK;
}

struct raw_tls *raw_tls_new(void)
{
	struct raw_tls *tls = calloc(1, sizeof(*tls));
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate;

	check(tls && key, "key");
	certificate = make_certificate(key);
	write_ca(tls, certificate);
	pthread_mutex_init(&tls->lock, NULL);
	tls->context = SSL_CTX_new(TLS_server_method());
	check(tls->context && SSL_CTX_use_certificate(tls->context, certificate) > 0 &&
			SSL_CTX_use_PrivateKey(tls->context, key) > 0,
		"context");
	SSL_CTX_set_tlsext_servername_callback(tls->context, on_name);
	SSL_CTX_set_tlsext_servername_arg(tls->context, tls);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return tls;
}

void raw_tls_free(struct raw_tls *tls)
{
	if (!tls)
		return;
	unlink(tls->ca);
	SSL_CTX_free(tls->context);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

const char *raw_tls_ca(const struct raw_tls *tls)
{
	return tls->ca;
}

const char *raw_tls_sni(struct raw_tls *tls)
{
	return tls->sni;
}

struct raw_stream *raw_stream_accept(struct raw_tls *tls, int fd)
{
	struct raw_stream *stream = calloc(1, sizeof(*stream));

	check(stream && (stream->ssl = SSL_new(tls->context)), "stream");
	SSL_set_fd(stream->ssl, fd);
	if (SSL_accept(stream->ssl) == 1)
		return stream;
	raw_stream_free(stream);
	return NULL;
}

ssize_t raw_stream_read(struct raw_stream *stream, char *data, size_t room)
{
	return SSL_read(stream->ssl, data, (int)room);
}

ssize_t raw_stream_write(struct raw_stream *stream, const char *data, size_t length)
{
	return SSL_write(stream->ssl, data, (int)length);
}

void raw_stream_free(struct raw_stream *stream)
{
	if (!stream)
		return;
	SSL_free(stream->ssl);
	free(stream);
}
