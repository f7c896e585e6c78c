def check_folders(renderer, render_all):
    return 0
