-- SPDX-License-Identifier: GPL-2.0-only
--
-- Wireshark and tshark: IP protocol 253 is decoded as the TCP it is, streams,
-- sequence analysis and all. Use it once with
--
--	wireshark -X lua_script:tools/xtcp.lua
--	tshark -X lua_script:tools/xtcp.lua -r capture.pcap
--
-- or copy it into the plugin folder that Help, About names. Wireshark computes
-- checksums with TCP's protocol number: leave its checksum validation off, or
-- every segment looks wrong.

local xtcp_protocol = 253
local tcp = Dissector.get("tcp")

-- One table serves IPv4's protocol and IPv6's next header.
DissectorTable.get("ip.proto"):add(xtcp_protocol, tcp)
