/** How what was found looks: findings, what large leaves were lost, regions. In the report and in the workbench. */

export const SECTIONS_STYLE = `
.note { color: var(--note); }
.findings { list-style: none; padding: 0; margin: 0; }
.findings > li { border-top: 1px solid var(--line); padding: .6rem 0; }
.severity { display: inline-block; min-width: 4.2rem; font-size: .8rem; text-transform: uppercase; letter-spacing: .03em; }
.severity.error { color: var(--error); } .severity.warning { color: var(--warning); } .severity.note { color: var(--note); }
.places { list-style: none; padding: 0; margin: .2rem 0; }
.places li { padding: .1rem 0; overflow-wrap: anywhere; }
.places a, td a { display: inline-block; }
.lost { padding-left: 1.1rem; margin: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; min-width: min(100%, 52rem); }
th { text-align: left; font-size: .85rem; font-weight: 600; }
thead th { color: var(--dim); font-weight: 400; }
th, td { padding: .15rem .8rem .15rem 0; vertical-align: top; }
.region th { padding-top: .8rem; border-bottom: 1px solid var(--line); }
.range { font-weight: 400; white-space: normal; overflow-wrap: anywhere; padding-left: .5rem; }
.number { text-align: right; white-space: nowrap; }
`;
