#include "page.h"
#include "cluster/controller.h"
#include "page_engines.h"
#include "page_parts.h"
#include "page_results.h"
#include "wire/ids.h"

#include <sodium.h>

#define RENEW "3"	/* seconds */

static const char style[] =
":root{color-scheme:light dark;--fg:#1d2129;--dim:#596170;--bg:#f6f7f9;--card:#fff;"
"--line:#d9dde3;--link:#0b5cad;--ok:#0072b2;--running:#00694c;--error:#b03a00;"
"--aborted:#5f6570;--pending:#5f6570}\n"
"@media(prefers-color-scheme:dark){:root{--fg:#e6e8ec;--dim:#a3abb8;--bg:#14161a;"
"--card:#1d2026;--line:#363b45;--link:#7ab8f5;--ok:#6cb8ea;--running:#3fcf9f;"
"--error:#ff9457;--aborted:#aab1bd;--pending:#aab1bd}}\n"
"*{box-sizing:border-box}\n"
"body{margin:0 auto;max-width:78rem;padding:1rem;background:var(--bg);color:var(--fg);"
"font:15px/1.45 system-ui,sans-serif}\n"
"header{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;align-items:baseline}\n"
"h1{font-size:1.4rem;margin:0;overflow-wrap:anywhere}"
"h2{font-size:1.05rem;margin:0 0 .6rem}h3{font-size:1rem;margin:0}\n"
"header p,p.dim,small{margin:0;color:var(--dim)}header form{margin:0 0 0 auto}\n"
"section{background:var(--card);border:1px solid var(--line);border-radius:.5rem;"
"padding:.8rem 1rem;margin:1rem 0}\n"
"ul.facts{display:flex;flex-wrap:wrap;gap:.6rem;list-style:none;margin:1rem 0;padding:0}\n"
"ul.facts li{flex:1 1 8rem;background:var(--card);border:1px solid var(--line);"
"border-radius:.5rem;padding:.5rem .8rem;color:var(--dim)}\n"
"ul.facts b{display:block;font-size:1.35rem;color:var(--fg);font-variant-numeric:"
"tabular-nums}ul.facts li.bad b{color:var(--error)}\n"
".wide{overflow-x:auto}.line{direction:rtl}.line svg{direction:ltr}.wide svg{display:block;min-width:50rem;width:100%;height:auto}\n"
"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
"th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-top:1px "
"solid var(--line);font-weight:400}thead th{border-top:0;color:var(--dim);white-space:"
"nowrap}\n"
"td.text{overflow-wrap:anywhere;min-width:8rem}td.n{white-space:nowrap}\n"
"article{border-left:4px solid var(--error);padding:0 0 0 .8rem;margin:.8rem 0}\n"
"pre{margin:.3rem 0 0;max-height:14rem;overflow:auto;white-space:pre-wrap;overflow-wrap:"
"anywhere;font:13px/1.4 ui-monospace,monospace}\n"
"a{color:var(--link)}a:focus-visible,button:focus-visible,pre:focus-visible,"
".wide:focus-visible{outline:2px solid var(--link);outline-offset:2px}\n"
".ok{color:var(--ok)}.running{color:var(--running)}.error{color:var(--error)}"
".aborted{color:var(--aborted)}.pending{color:var(--pending)}\n"
"progress{width:7rem;height:.7rem;vertical-align:middle;accent-color:var(--ok)}"
"progress.error{accent-color:var(--error)}\n"
"button{font:inherit;color:var(--fg);background:var(--card);border:1px solid var(--dim);"
"border-radius:.4rem;padding:.2rem .8rem}\n";

/*
 * It renews itself unless somebody has paused it, looks elsewhere, marks text, or is at a
 * link or in a list by the keyboard. Whether it is paused stands in the address, as
 * nothing else is kept of a file.
 */
static const char script[] =
"var b=document.getElementById('pause');"
"function paused(){return location.hash=='#paused'}"
"function show(){b.setAttribute('aria-pressed',paused())}"
"function busy(){var a=document.activeElement;"
"return a&&a!=document.body&&a!=b||String(getSelection())}"
"function again(){if(paused()||document.hidden||busy())setTimeout(again,500);"
"else location.reload()}"
"b.onclick=function(){location.hash=paused()?'live':'paused';show()};"
"b.hidden=false;show();setTimeout(again," RENEW "000);";

/* --- the page ----------------------------------------------------------- */

/* What the script is, for the policy: no other one runs. */
static const char *script_hash(void)
{
	static char text[sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES,
						   sodium_base64_VARIANT_ORIGINAL)];
	unsigned char hash[crypto_hash_sha256_BYTES];

	if (text[0])
		return text;
	crypto_hash_sha256(hash, (const unsigned char *)script, strlen(script));
	return sodium_bin2base64(text, sizeof(text), hash, sizeof(hash),
				 sodium_base64_VARIANT_ORIGINAL);
}

static void put_head(const struct glance *g, struct buf *out)
{
	buf_printf(out,
		   "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
		   "'none'; style-src 'unsafe-inline'; script-src 'sha256-%s'\">\n"
		   "<meta name=\"viewport\" content=\"width=device-width, "
		   "initial-scale=1\">\n<title>", script_hash());
	buf_printf(out, "%zu running, %zu failed: ",
		   index_count(&g->mirror->running), g->failed);
	page_put_text(out, g->fs->source);
	buf_printf(out, "</title>\n<noscript><meta http-equiv=\"refresh\" content=\"" RENEW
			"\"></noscript>\n<style>\n%s</style>\n</head>\n<body>\n", style);
}

static void put_header(const struct glance *g, struct buf *out)
{
	const struct obj o = {.fs = g->fs};
	struct buf state = BUF_INIT;
	char date[DATE_SIZE];

	(void)controller_state(&o, &state);
	buf_cut(&state, state.n - (state.n > 0)); /* the end of the line */
	date_format(now_usec(), date);
	date[strlen("2026-11-29T14:31:02")] = '\0';
	buf_puts(out, "<header>\n<h1>");
	page_put_text(out, g->fs->source);
	buf_puts(out, "</h1>\n<p>");
	page_put_text(out, buf_str(&state));
	buf_printf(out, "</p>\n<p>as of <time datetime=\"%sZ\">%s UTC</time></p>\n"
		   "<form><button type=\"button\" id=\"pause\" hidden>Pause</button></form>\n"
		   "</header>\n", date, date + strlen("2026-11-29T"));
	buf_done(&state);
}

static void put_fact(struct buf *out, bool bad, const char *number, const char *what)
{
	buf_printf(out, "<li%s><b>%s</b> %s</li>\n", bad ? " class=\"bad\"" : "",
		   number, what);
}

static void put_count(struct buf *out, bool bad, int64_t n, const char *what)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	put_fact(out, bad, text, what);
}

static void put_facts(const struct glance *g, struct buf *out)
{
	const struct counts *c = &g->mirror->counts;
	struct buf b = BUF_INIT;

	buf_puts(out, "<ul class=\"facts\" aria-label=\"in short\">\n");
	put_count(out, false, c->running, "tasks run");
	put_count(out, false, c->waiting, "wait");
	put_count(out, false, c->completed, "have ended");
	glance_put_rate(g, g->ended, &b);
	put_fact(out, false, buf_str(&b), "in the last minute");
	put_count(out, g->failed > 0, (int64_t)g->failed, "failed in it");
	buf_clear(&b);
	buf_printf(&b, "%lld of %lld", (long long)g->free, (long long)g->slots);
	put_fact(out, false, buf_str(&b), "slots are free");
	buf_puts(out, "</ul>\n");
	buf_done(&b);
}

void page_put(const struct glance *g, struct buf *out)
{
	put_head(g, out);
	put_header(g, out);
	buf_puts(out, "<main>\n");
	put_facts(g, out);
	page_put_failed(g, out);
	page_put_engines(g, out);
	page_put_results(g, out);
	page_put_queues(g, out);
	page_put_pools(g, out);
	buf_printf(out, "</main>\n<script>%s</script>\n</body>\n</html>\n", script);
}
