#include "wire/hmac.h"

#define BLOCK 64

static void by_sodium(const struct hmac *h, const struct bytes *parts, size_t n,
		      unsigned char digest[HMAC_SIZE])
{
	crypto_auth_hmacsha256_state st = h->sodium;
	size_t i;

	for (i = 0; i < n; i++)
		if (parts[i].n)
			crypto_auth_hmacsha256_update(&st, parts[i].p,
						      parts[i].n);
	crypto_auth_hmacsha256_final(&st, digest);
}

#ifdef __x86_64__

#include <cpuid.h>
#include <immintrin.h>

static const uint32_t round_keys[64] = { /* FIPS 180-4, 4.2.2 */
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static const uint32_t first_state[8] = { /* FIPS 180-4, 5.3.3 */
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static bool has_instructions(void)
{
	static int known; /* 1: no, 2: yes. To ask is slow in a virtual machine. */
	unsigned a, b, c, d;

	if (!known) {
		known = 1;
		if (__get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) &&
		    __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA))
			known = 2;
	}
	return known == 2;
}

#define WITH_SHA __attribute__((target("sha,sse4.1")))

/* Sixteen bytes, which need not be aligned. */
WITH_SHA static __m128i load(const void *p)
{
	return _mm_loadu_si128((const __m128i_u *)p);
}

/* Four rounds, with four words of the message. */
WITH_SHA static void rounds(__m128i *abef, __m128i *cdgh, __m128i w, int i)
{
	w = _mm_add_epi32(w, load(round_keys + 4 * i));
	*cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, w);
	w = _mm_shuffle_epi32(w, 0x0e);
	*abef = _mm_sha256rnds2_epu32(*abef, *cdgh, w);
}

/* The next four words of the message; m has the last sixteen. */
WITH_SHA static __m128i next_words(const __m128i m[4], int i)
{
	__m128i w = _mm_sha256msg1_epu32(m[i & 3], m[(i + 1) & 3]);

	w = _mm_add_epi32(w, _mm_alignr_epi8(m[(i + 3) & 3], m[(i + 2) & 3], 4));
	return _mm_sha256msg2_epu32(w, m[(i + 3) & 3]);
}

WITH_SHA static void block(__m128i *abef, __m128i *cdgh, const unsigned char *p)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b,
						  0x0405060700010203);
	__m128i m[4], abef_before = *abef, cdgh_before = *cdgh;
	int i;

	for (i = 0; i < 16; i++) {
		m[i & 3] = i < 4 ? _mm_shuffle_epi8(load(p + 16L * i), big_endian)
				 : next_words(m, i);
		rounds(abef, cdgh, m[i & 3], i);
	}
	*abef = _mm_add_epi32(*abef, abef_before);
	*cdgh = _mm_add_epi32(*cdgh, cdgh_before);
}

WITH_SHA static void compress(uint32_t state[8], const unsigned char *p,
			      size_t blocks)
{
	__m128i cdab = _mm_shuffle_epi32(load(state), 0xb1);
	__m128i efgh = _mm_shuffle_epi32(load(state + 4), 0x1b);
	__m128i abef = _mm_alignr_epi8(cdab, efgh, 8), feba, dchg;
	__m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);

	for (; blocks > 0; blocks--, p += BLOCK)
		block(&abef, &cdgh, p);
	feba = _mm_shuffle_epi32(abef, 0x1b);
	dchg = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i_u *)state, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i_u *)(state + 4),
			 _mm_alignr_epi8(dchg, feba, 8));
}

/* A hash that is being made: blocks that are whole are in the state. */
struct hash {
	uint32_t state[8];
	unsigned char part[BLOCK];
	size_t npart;
	uint64_t bytes;		/* all so far */
};

static void add(struct hash *s, struct bytes b)
{
	const unsigned char *p = b.p;
	size_t n = s->npart ? min_u64(b.n, BLOCK - s->npart) : 0;

	s->bytes += b.n;
	if (n) {
		memcpy(s->part + s->npart, p, n);
		s->npart += n;
		p += n;
		b.n -= n;
	}
	if (s->npart == BLOCK) {
		compress(s->state, s->part, 1);
		s->npart = 0;
	}
	if (!b.n)
		return;
	compress(s->state, p, b.n / BLOCK);
	s->npart = b.n % BLOCK;
	memcpy(s->part, p + b.n - s->npart, s->npart);
}

static void put_big_endian(unsigned char *to, uint64_t v, int n)
{
	for (; n > 0; n--, v >>= 8)
		to[n - 1] = (unsigned char)v;
}

static void finish(struct hash *s, unsigned char digest[HMAC_SIZE])
{
	static const unsigned char end[BLOCK] = {0x80};
	size_t zeroes = (2 * BLOCK - 8 - 1 - s->npart) % BLOCK;
	uint64_t bits = s->bytes * 8;
	unsigned char size[8];
	int i;

	put_big_endian(size, bits, 8);
	add(s, bytes_of(end, 1 + zeroes));
	add(s, bytes_of(size, sizeof(size)));
	for (i = 0; i < 8; i++)
		put_big_endian(digest + 4L * i, s->state[i], 4);
}

static void begin(struct hash *s, const uint32_t state[8], uint64_t bytes)
{
	memcpy(s->state, state, sizeof(s->state));
	s->npart = 0;
	s->bytes = bytes;
}

static void by_processor(const struct hmac *h, const struct bytes *parts,
			 size_t n, unsigned char digest[HMAC_SIZE])
{
	struct hash s;
	size_t i;

	begin(&s, h->inner, BLOCK);
	for (i = 0; i < n; i++)
		add(&s, parts[i]);
	finish(&s, digest);
	begin(&s, h->outer, BLOCK);
	add(&s, bytes_of(digest, HMAC_SIZE));
	finish(&s, digest);
}

/* The state behind the key's block. */
static void key_state(uint32_t state[8], struct bytes key, unsigned char with)
{
	unsigned char b[BLOCK] = {0};
	size_t i;

	if (key.n)
		memcpy(b, key.p, key.n);
	for (i = 0; i < BLOCK; i++)
		b[i] ^= with;
	memcpy(state, first_state, sizeof(first_state));
	compress(state, b, 1);
	sodium_memzero(b, sizeof(b));
}

/* Both ways come to the same. */
static bool agree(const struct hmac *h)
{
	unsigned char a[HMAC_SIZE], b[HMAC_SIZE];
	struct bytes parts[2] = {bytes_str("a message, and so long that it takes "
					   "more than one block of the hash; "),
				 bytes_str("in two parts")};

	by_processor(h, parts, 2, a);
	by_sodium(h, parts, 2, b);
	return memcmp(a, b, sizeof(a)) == 0;
}

static void prepare(struct hmac *h, struct bytes key)
{
	if (key.n > BLOCK || !has_instructions())
		return;
	key_state(h->inner, key, 0x36);
	key_state(h->outer, key, 0x5c);
	h->fast = agree(h);
}

#else

static void by_processor(const struct hmac *h, const struct bytes *parts,
			 size_t n, unsigned char digest[HMAC_SIZE])
{
	by_sodium(h, parts, n, digest);
}

static void prepare(struct hmac *h, struct bytes key)
{
	(void)h;
	(void)key;
}

#endif

void hmac_init(struct hmac *h, struct bytes key)
{
	*h = (struct hmac){.fast = false};
	crypto_auth_hmacsha256_init(&h->sodium, key.p, key.n);
	prepare(h, key);
}

void hmac_of(const struct hmac *h, const struct bytes *parts, size_t n,
	     unsigned char digest[HMAC_SIZE])
{
	if (h->fast)
		by_processor(h, parts, n, digest);
	else
		by_sodium(h, parts, n, digest);
}
