//! Markup as text, for lists that are written anew as they scroll: one string a frame instead of a thousand nodes.
//! Whatever comes from outside goes in through [`Html::text`] or an attribute, both of which escape it.

#[derive(Default)]
pub struct Html {
    markup: String,
}

impl Html {
    pub fn open(&mut self, tag: &str, attributes: &[(&str, &str)]) {
        self.markup.push('<');
        self.markup.push_str(tag);
        for (name, value) in attributes {
            self.markup.push(' ');
            self.markup.push_str(name);
            self.markup.push_str("=\"");
            self.text(value);
            self.markup.push('"');
        }
        self.markup.push('>');
    }

    pub fn close(&mut self, tag: &str) {
        self.markup.push_str("</");
        self.markup.push_str(tag);
        self.markup.push('>');
    }

    pub fn text(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '<' => self.markup.push_str("&lt;"),
                '>' => self.markup.push_str("&gt;"),
                '&' => self.markup.push_str("&amp;"),
                '"' => self.markup.push_str("&quot;"),
                '\'' => self.markup.push_str("&#39;"),
                other => self.markup.push(other),
            }
        }
    }

    /// An element of a class that holds a text.
    pub fn element(&mut self, tag: &str, class: &str, text: &str) {
        self.open(tag, &[("class", class)]);
        self.text(text);
        self.close(tag);
    }

    pub fn link(&mut self, class: &str, href: &str, text: &str) {
        self.open("a", &[("class", class), ("href", href)]);
        self.text(text);
        self.close("a");
    }

    pub fn finish(self) -> String {
        self.markup
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let mut html = Html::default();
        html.open("i", &[("title", "\"><script>"), ("class", "a'b")]);
        html.text("<b>&amp;</b>");
        html.close("i");
        html.element("b", "x", "1 < 2");
        assert_eq!(
            html.finish(),
            "<i title=\"&quot;&gt;&lt;script&gt;\" class=\"a&#39;b\">&lt;b&gt;&amp;amp;&lt;/b&gt;</i>\
             <b class=\"x\">1 &lt; 2</b>"
        );
    }
}
