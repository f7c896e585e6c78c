// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mhub::converters {

/// The report's style: one column on a phone, a table on a desk and on paper.
inline constexpr const char* kReportStyle = R"(
:root{--text:#1c2430;--soft:#5b6675;--line:#d9dee5;--back:#fff;--panel:#f6f8fa;--blue:#2f6fd0;--good:#1a7f4b;--bad:#c02a37;--warn:#a86200;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--text:#e4e8ee;--soft:#9aa5b4;--line:#333c48;--back:#14181d;--panel:#1c222a;--blue:#6ea3f0;--good:#4cc38a;--bad:#ff7b84;--warn:#e5a54b}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1180px;margin:0 auto;padding:24px 20px 48px}
h1{font-size:26px;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:18px;margin:32px 0 8px}
p{margin:4px 0;color:var(--soft)}
a{color:var(--blue)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(148px,1fr));gap:12px;margin:20px 0 0;padding:0;list-style:none}
.tiles li{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:10px 14px}
.tiles b{display:block;font-size:18px;font-variant-numeric:tabular-nums;white-space:nowrap}
.tiles span{color:var(--soft);font-size:13px}.tiles .failed b{color:var(--bad)}
.steady{white-space:nowrap}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px}.legend span{display:inline-flex;align-items:center;gap:6px}
.key{width:12px;height:12px;border-radius:3px;display:inline-block}
.row{display:grid;grid-template-columns:minmax(90px,190px) 1fr;gap:12px;align-items:center}
.row .label{font-size:13px;text-align:right;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.row svg{width:100%;height:20px;display:block;background:var(--panel)}
.plot svg{width:100%;height:140px;display:block;background:var(--panel);border-bottom:1px solid var(--line)}
.axis{position:relative;height:20px;font-size:12px;color:var(--soft);font-variant-numeric:tabular-nums}.axis span{position:absolute;top:3px;transform:translateX(-50%);white-space:nowrap}
.axis span:first-child{transform:none}.axis span:last-child{transform:translateX(-100%)}
.grid{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.area{fill:#2f6fd055;stroke:#2f6fd0;stroke-width:1.5;vector-effect:non-scaling-stroke}
.span{fill:#8a94a355}
.step-download{fill:#7a6fd0;background:#7a6fd0}.step-convert{fill:#2f6fd0;background:#2f6fd0}.step-verify{fill:#12958a;background:#12958a}
.step-generate{fill:#d08a1e;background:#d08a1e}.step-logits{fill:#a858b8;background:#a858b8}.step-upload{fill:#5a8f32;background:#5a8f32}.step-failed{fill:#c02a37;background:#c02a37}
table{width:100%;border-collapse:collapse;font-size:14px}
th{text-align:left;font-size:12px;color:var(--soft);font-weight:600;border-bottom:2px solid var(--line);padding:6px 8px}
td{border-bottom:1px solid var(--line);padding:8px;vertical-align:top}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.name{font-weight:600;overflow-wrap:anywhere}.path{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.badge{display:inline-block;border:1px solid currentColor;border-radius:10px;padding:0 9px;font-size:12.5px;white-space:nowrap}
.done{color:var(--good)}.up_to_date{color:var(--soft)}.failed{color:var(--bad)}.interrupted{color:var(--warn)}.not_run{color:var(--soft)}
.error{color:var(--bad);overflow-wrap:anywhere;margin-top:4px}.why{overflow-wrap:anywhere}
details{margin-top:4px}summary{cursor:pointer;color:var(--soft);font-size:13px}
details ul{margin:4px 0;padding-left:18px;font-size:13px}details li{overflow-wrap:anywhere}
footer{margin-top:36px;color:var(--soft);font-size:13px}
@media (max-width:720px){
main{padding:16px 14px 32px}h1{font-size:22px}
.tiles{grid-template-columns:repeat(2,1fr);gap:8px}.tiles b{font-size:18px}
.row{grid-template-columns:1fr;gap:1px;margin-bottom:7px}.row .label{text-align:left}
thead{display:none}table,tbody,tr{display:block}tr{border:1px solid var(--line);border-radius:8px;margin-bottom:10px;padding:8px 12px}
td{border:0;padding:2px 14px 2px 0;display:inline-block}td:first-child{display:block}td.number{text-align:left}td[data-label]:before{content:attr(data-label) " ";color:var(--soft);font-size:13px}td:empty{display:none}
}
@media print{
:root{--text:#000;--soft:#444;--line:#bbb;--back:#fff;--panel:#fff;--good:#0a5c33;--bad:#a0141f;color-scheme:light}
body{font-size:11px}main{max-width:none;padding:0}h2{margin-top:18px;break-after:avoid}table{font-size:10.5px}thead{display:table-header-group}
tr,.row,.tiles li,.plot{break-inside:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.tiles{grid-template-columns:repeat(7,1fr);gap:6px}.tiles li{padding:6px 8px}.tiles b{font-size:12.5px}
.path,.error,.why,.label,.axis,.legend,.badge,.tiles span,summary,details ul,th,footer{font-size:inherit}td{padding:4px 6px}
details::details-content{content-visibility:visible;block-size:auto}summary{display:none}a{color:inherit;text-decoration:none}
.row svg{height:13px}.plot svg{height:90px}
}
)";

}  // namespace mhub::converters
