"""The official description of the service, read from a file and compared with what the client assumes.

``reading`` opens the file, ``schemas`` resolves references, ``description`` says which operations there are in either
spelling, ``sent`` and ``answers`` compare one value each way, ``comparison`` the whole. Nothing here touches a network.
"""
