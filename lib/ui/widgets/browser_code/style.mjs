// The look of a model's text, in the theme's colours and fonts. "--st-…" are Streamlit's variables for components.
export const STYLE = `
[class*="st-key-model-text-source"] { display: none !important; }
.model-text { overflow-wrap: anywhere; line-height: 1.6; }
.model-text > * { margin: 0 0 1rem; }
.model-text > :last-child { margin-bottom: 0; }
.model-text :is(p, li, th, td, blockquote, h3, h4, h5, h6) { unicode-bidi: plaintext; text-align: start; }
.model-text p { margin: 0 0 1rem; font-size: inherit; }
.model-text :is(li, blockquote, td) > p:last-child { margin-bottom: 0; }
.model-text :is(h3, h4, h5, h6) {
  margin: 1.5rem 0 0.75rem; padding: 0; font-family: var(--st-heading-font); color: var(--st-heading-color);
  font-size: 1rem; font-weight: 600; line-height: 1.3; letter-spacing: normal;
}
.model-text > :is(h3, h4, h5, h6):first-child { margin-top: 0; }
.model-text .level1 { font-size: 1.5rem; }
.model-text .level2 { font-size: 1.25rem; }
.model-text .level3 { font-size: 1.1rem; }
.model-text :is(ul, ol) { margin: 0 0 1rem; padding: 0; padding-inline-start: 1.75em; }
.model-text ul { list-style: disc; }
.model-text ol { list-style: decimal; }
.model-text li { margin: 0.2em 0; padding: 0; font-size: inherit; }
.model-text li :is(ul, ol) { margin-bottom: 0; }
.model-text blockquote {
  margin: 0 0 1rem; padding: 0; padding-inline-start: 0.9em; border-inline-start: 0.2em solid var(--st-border-color);
}
.model-text hr { height: 1px; margin: 1.5rem 0; border: 0; background: var(--st-border-color); }
.model-text a, .model-text a:not([href]):not([class]) { color: var(--st-link-color); text-decoration: underline; }
.model-text :is(a, .table, summary, button.copy):focus-visible {
  outline: 2px solid var(--st-link-color); outline-offset: 2px; border-radius: 2px;
}
.model-text code {
  font-family: var(--st-code-font); font-size: 0.9em; color: inherit; background: var(--st-code-background-color);
  font-variant-ligatures: none;
  padding: 0.15em 0.35em; border-radius: 0.25rem; unicode-bidi: isolate; white-space: break-spaces;
}
.model-text .code { position: relative; }
.model-text pre {
  margin: 0; padding: 0.8rem 2.6rem 0.8rem 1rem; background: var(--st-code-background-color);
  border-radius: var(--st-base-radius); white-space: pre-wrap; tab-size: 4;
}
.model-text li .code { margin: 0.4em 0 1rem; }
.model-text pre code {
  display: block; padding: 0; background: none; font-size: var(--st-code-font-size); line-height: 1.55;
  white-space: inherit; unicode-bidi: normal;
}
.model-text button.copy {
  position: absolute; inset-block-start: 0.35rem; inset-inline-end: 0.35rem; width: 1.9rem; height: 1.9rem; padding: 0;
  border: 1px solid transparent; border-radius: 0.35rem; background: var(--st-code-background-color); cursor: pointer;
  color: inherit;
}
.model-text button.copy:hover { border-color: var(--st-border-color); }
.model-text button.copy::before {
  content: ""; display: block; width: 1rem; height: 1rem; margin: auto; background: currentcolor;
  mask: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='%23000' stroke-width='2'%3E%3Crect x='9' y='9' width='11' height='11' rx='2'/%3E%3Cpath d='M5 15V5a1 1 0 0 1 1-1h9'/%3E%3C/svg%3E") center / contain no-repeat;
}
.model-text button.copied::before {
  mask-image: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='%23000' stroke-width='2.5'%3E%3Cpath d='m5 12 5 5 9-10'/%3E%3C/svg%3E");
}
.model-text .token.comment { color: color-mix(in srgb, var(--st-text-color) 72%, var(--st-background-color)); font-style: italic; }
.model-text .token.keyword { color: var(--st-violet-text-color); }
.model-text .token.text { color: var(--st-green-text-color); }
.model-text .token.number { color: var(--st-blue-text-color); }
.model-text .formula { font-family: var(--st-code-font); font-size: 0.9em; unicode-bidi: isolate; }
.model-text p.formula { white-space: pre-wrap; }
.model-text .plain { white-space: pre-wrap; unicode-bidi: plaintext; text-align: start; }
.model-text .table { overflow-x: auto; }
.model-text table { border-collapse: collapse; width: max-content; max-width: none; }
.model-text :is(th, td) {
  padding: 0.35rem 0.75rem; border: 1px solid var(--st-border-color); font-size: inherit; vertical-align: top;
  max-width: 30rem; min-width: 2.5rem; color: inherit;
}
.model-text th { font-weight: 600; }
.model-text .json { font-family: var(--st-code-font); font-size: var(--st-code-font-size); padding: 0; }
.model-text .json, .model-text .json ul { list-style: none; margin: 0; }
.model-text .json ul { padding-inline-start: 1.1em; margin-inline-start: 0.3em; border-inline-start: 1px solid var(--st-border-color); }
.model-text .json li { margin: 0; white-space: pre-wrap; }
.model-text .json summary { cursor: pointer; min-height: 24px; }
.model-text .json .count { color: color-mix(in srgb, var(--st-text-color) 72%, var(--st-background-color)); }
.model-text .json .text { color: var(--st-green-text-color); }
.model-text .json .literal { color: var(--st-blue-text-color); }
`
