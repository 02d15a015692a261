#include "page_parts.h"
#include "drawing/markup.h"

#define TEXT_MOST 500	/* bytes of a text in a cell */

void page_put_text(struct buf *out, const char *text)
{
	size_t n = strlen(text ? text : "");

	markup_put(out, bytes_of(text, min_u64(n, TEXT_MOST)));
	if (n > TEXT_MOST)
		buf_puts(out, "...");
}

void page_put_cell(struct buf *out, const char *text)
{
	buf_puts(out, "<td class=\"text\">");
	page_put_text(out, text);
	buf_puts(out, "</td>");
}

void page_put_link(struct buf *out, uint64_t id)
{
	buf_printf(out, "<a href=\"results/%llu/\">%llu</a>", (unsigned long long)id,
		   (unsigned long long)id);
}

void page_put_more(struct buf *out, size_t shown, size_t all)
{
	if (shown < all)
		buf_printf(out, "<p class=\"dim\">and %zu more</p>\n", all - shown);
}

void page_begin_table(struct buf *out, const char *id, const char *const *heads)
{
	buf_printf(out, "<div class=\"wide\"><table aria-labelledby=\"%s\">\n<thead><tr>",
		   id);
	for (; *heads; heads++)
		buf_printf(out, "<th scope=\"col\">%s</th>", *heads);
	buf_puts(out, "</tr></thead>\n<tbody>\n");
}

void page_end_table(struct buf *out, size_t shown, size_t all)
{
	buf_puts(out, "</tbody>\n</table></div>\n");
	page_put_more(out, shown, all);
}
