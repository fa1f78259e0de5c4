//! The report as JUnit XML, for continuous integration.

use std::fmt::Write;

use super::Run;
use crate::check::{CaseResult, Verdict};

/// A test suite for each group of each run.
pub fn report(runs: &[Run]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for run in runs {
        for group in &run.groups {
            let counts = group.counts();
            let name = escape(&format!("{} · {}", group.file, group.name));
            let _ = writeln!(
                xml,
                "<testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" errors=\"0\">",
                group.cases.len(),
                counts.failed,
                counts.unsupported
            );
            let _ = writeln!(
                xml,
                "<properties><property name=\"implementation\" value=\"{}\"/><property name=\"build\" value=\"{}\"/></properties>",
                escape(&run.implementation),
                escape(&run.build)
            );
            for case in &group.cases {
                write_case(&mut xml, &name, case);
            }
            xml += "</testsuite>\n";
        }
    }
    xml += "</testsuites>\n";
    xml
}

fn write_case(xml: &mut String, class: &str, case: &CaseResult) {
    let name = escape(&format!("{} {}", case.id, case.comment));
    let _ = write!(
        xml,
        "<testcase classname=\"{class} [{}]\" name=\"{}\"",
        escape(&case.backend),
        name.trim_end()
    );
    let _ = match &case.verdict {
        Verdict::Passed => writeln!(xml, "/>"),
        Verdict::Failed(how) => {
            writeln!(xml, "><failure message=\"{}\"/></testcase>", escape(how))
        }
        Verdict::Unsupported(why) => {
            writeln!(xml, "><skipped message=\"{}\"/></testcase>", escape(why))
        }
    };
}

/// XML has no way to write most control characters, so they become spaces.
fn escape(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => " ".into(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_xml_cannot_hold_is_escaped() {
        assert_eq!(
            super::escape("a<b> & \"c\"\u{1}"),
            "a&lt;b&gt; &amp; &quot;c&quot; "
        );
    }
}
