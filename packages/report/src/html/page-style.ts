import { DARK, LIGHT, type Theme } from '../draw/theme.js'

const variables = ({ background, text, muted, grid, line }: Theme, soft: string): string =>
  `--back:${background};--text:${text};--muted:${muted};--rule:${grid};--line:${line};--soft:${soft}`

/** Light and dark, narrow and wide, screen and paper. */
export const PAGE_STYLE: string = `
:root{color-scheme:light dark;${variables(LIGHT, '#f6f8fa')}}
@media (prefers-color-scheme:dark){:root{${variables(DARK, '#1a2027')}}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);line-height:1.5;
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1240px;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.5rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:0 0 .5rem;overflow-wrap:anywhere}
p{margin:.4rem 0;max-width:75ch;overflow-wrap:anywhere}
.subtitle,.caption{color:var(--muted)}
.caption{font-size:.85rem;margin:.3rem 0;overflow-wrap:anywhere}
.verdict{font-size:1.08rem;background:var(--soft);border-left:4px solid var(--line);padding:.6rem .9rem;margin:1rem 0}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;padding:0;margin:1rem 0 0}
a{color:inherit}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:1.6rem 1.4rem}
.thirds{grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr))}
figure{margin:0;min-width:0}
.chart{width:100%;min-height:120px;overflow:hidden}
.table{overflow-x:auto;margin:.5rem 0}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .7rem .3rem 0;text-align:left;border-bottom:1px solid var(--rule);vertical-align:top}
th{white-space:nowrap;color:var(--muted);font-weight:600}
.number{text-align:right;white-space:nowrap}
td:first-child{overflow-wrap:break-word;min-width:9rem}
td:last-child:not(.number){min-width:16rem}
@media (max-width:600px){td:first-child{overflow-wrap:anywhere}}
details{margin:.3rem 0}
summary{cursor:pointer;color:var(--muted);font-size:.88rem;overflow-wrap:anywhere}
pre{background:var(--soft);padding:.8rem;overflow-x:auto;font-size:.85rem;white-space:pre-wrap;overflow-wrap:anywhere}
footer{margin-top:2.5rem;color:var(--muted);font-size:.85rem}
:focus-visible{outline:2px solid var(--text);outline-offset:2px}
@media print{
:root{color-scheme:light;${variables(LIGHT, '#f6f8fa')}}
body{font-size:10.5pt}main{max-width:none;padding:0}
.charts{display:block}figure{break-inside:avoid;margin:0 0 1rem}
h2,h3{break-after:avoid}nav,figure details{display:none}
.table{overflow:visible}table{font-size:7.5pt}th,td{padding-right:.35rem}
th,.number{white-space:normal}td:first-child{min-width:5rem;overflow-wrap:anywhere}
}`
